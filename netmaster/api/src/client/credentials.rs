//! How a client shows who it is, and whom it trusts.

use std::fmt;
use std::io;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use reqwest::Url;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{ResolvesClientCert, WebPkiServerVerifier};
use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::sign::CertifiedKey;
use rustls::{ClientConfig, DigitallySignedStruct, Error, RootCertStore, SignatureScheme, version};
use zeroize::{Zeroize as _, Zeroizing};

use super::ClientError;

/// How often a certificate and a key that do not match are looked at.
const LOOKS: u32 = 5;

/// How long those who replace one of them have to replace the other, each time.
const BETWEEN_LOOKS: Duration = Duration::from_millis(20);

/// The files that a client shows who it is with, and that say whom it trusts.
///
/// They are read whenever they are needed: certificates for every new connection, the token for
/// every request. So they may be replaced while the client works. A file that cannot be read then
/// counts as unchanged.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Credentials {
    /// Certificates of the authorities whose netmasters are trusted, in PEM. None for no TLS: then
    /// only `http` URLs can be used.
    pub ca: Option<PathBuf>,
    /// The certificate to show with those that lead to its authority, and its private key, each in
    /// PEM.
    pub certificate: Option<(PathBuf, PathBuf)>,
    /// The token to send. It is never sent without TLS, except to this machine.
    pub token: Option<PathBuf>,
}

/// Credentials that cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CredentialsError {
    /// A file cannot be read.
    #[error("`{}` cannot be read: check its name and permissions", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A file is not what it should be.
    #[error("`{}` holds no {what} in PEM: see `netmaster certs issue --help`", path.display())]
    NotPem {
        /// The file.
        path: PathBuf,
        /// What is missing.
        what: &'static str,
    },
    /// Certificate and key do not belong together, or are of a kind that is not known.
    #[error(
        "certificate `{}` and key `{}` cannot be used together: name a pair",
        certificate.display(),
        key.display()
    )]
    Pair {
        /// The certificate's file.
        certificate: PathBuf,
        /// The key's file.
        key: PathBuf,
        /// Why.
        source: Error,
    },
    /// An authority's certificate is none.
    #[error("`{}` names no authority that can be trusted", path.display())]
    Authority {
        /// The file.
        path: PathBuf,
        /// Why.
        source: Error,
    },
    /// A token that cannot be one.
    #[error("`{}` holds no token: it is one line of printable ASCII", path.display())]
    NoToken {
        /// The file.
        path: PathBuf,
    },
    /// A token that cannot be one, and is in no file.
    #[error("the token is none: it is one line of printable ASCII")]
    InvalidToken,
    /// This build lacks what TLS needs.
    #[error("TLS cannot be set up")]
    Tls(#[from] Error),
}

impl Credentials {
    /// What TLS connections are made with. Everything is read once, so that what is wrong from the
    /// beginning is known at the beginning.
    ///
    /// # Errors
    ///
    /// [`CredentialsError`] if a file cannot be used.
    pub fn tls(&self) -> Result<ClientConfig, CredentialsError> {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let builder = ClientConfig::builder_with_provider(provider.clone())
            .with_protocol_versions(&[&version::TLS13, &version::TLS12])?;
        let builder = match &self.ca {
            Some(path) => {
                let trust = Trust {
                    path: path.clone(),
                    last: Mutex::new(verifier(path, &provider)?),
                    provider: provider.clone(),
                };
                builder
                    // What it checks is what rustls checks by itself; only the files are fresh.
                    .dangerous()
                    .with_custom_certificate_verifier(Arc::new(trust))
            }
            None => builder.with_root_certificates(RootCertStore::empty()),
        };
        Ok(match &self.certificate {
            Some((certificate, key)) => {
                let shown = Shown {
                    last: Mutex::new(pair(certificate, key, &provider)?),
                    certificate: certificate.clone(),
                    key: key.clone(),
                    provider,
                };
                builder.with_client_cert_resolver(Arc::new(shown))
            }
            None => builder.with_no_client_auth(),
        })
    }

    /// Whether they can be used with a URL. What is wrong with the token is told now, too, not with
    /// the first request.
    ///
    /// # Errors
    ///
    /// [`ClientError`] if they cannot.
    pub(super) fn fit(&self, url: &Url) -> Result<(), ClientError> {
        let encrypted = url.scheme() == "https";
        if encrypted && self.ca.is_none() {
            let url = url.as_str().trim_end_matches('/').to_owned();
            return Err(ClientError::NobodyTrusted { url });
        }
        if self.token.is_some() {
            check_private(url)?;
        }
        self.token()?;
        Ok(())
    }

    /// The token, if there is one.
    ///
    /// # Errors
    ///
    /// [`CredentialsError`] if its file holds none.
    pub(crate) fn token(&self) -> Result<Option<String>, CredentialsError> {
        let Some(path) = &self.token else {
            return Ok(None);
        };
        let token = token_of(&Zeroizing::new(read(path)?));
        let none = || CredentialsError::NoToken { path: path.clone() };
        token.map(Some).ok_or_else(none)
    }
}

fn token_of(bytes: &[u8]) -> Option<String> {
    let token = bytes.trim_ascii();
    let printable = token.iter().all(u8::is_ascii_graphic);
    let token = String::from_utf8(token.to_vec()).ok()?;
    (printable && !token.is_empty()).then_some(token)
}

/// A token that is in no file.
#[derive(Clone)]
pub(super) struct Token(String);

impl Token {
    /// # Errors
    ///
    /// [`ClientError`] if it is none, or `url` would have it sent in the clear.
    pub(super) fn for_url(text: &str, url: &Url) -> Result<Self, ClientError> {
        if url.scheme() != "https" && !is_this_machine(url) {
            let url = url.as_str().trim_end_matches('/').to_owned();
            return Err(ClientError::TokenInClear { url });
        }
        let token = token_of(text.as_bytes()).ok_or(CredentialsError::InvalidToken)?;
        Ok(Self(token))
    }

    pub(super) fn as_str(&self) -> &str {
        &self.0
    }
}

impl Drop for Token {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(…)")
    }
}

/// Refuses a URL by which a secret would go over the network for everybody to read.
pub(super) fn check_private(url: &Url) -> Result<(), ClientError> {
    if url.scheme() == "https" || is_this_machine(url) {
        return Ok(());
    }
    let url = url.as_str().trim_end_matches('/').to_owned();
    Err(ClientError::TokenInClear { url })
}

fn is_this_machine(url: &Url) -> bool {
    match url.host_str() {
        Some("localhost") => true,
        Some(host) => {
            let ip = host.trim_matches(['[', ']']).parse::<IpAddr>();
            ip.is_ok_and(|ip| ip.is_loopback())
        }
        None => false,
    }
}

fn read(path: &Path) -> Result<Vec<u8>, CredentialsError> {
    std::fs::read(path).map_err(|source| CredentialsError::Read {
        path: path.to_owned(),
        source,
    })
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, CredentialsError> {
    let bytes = read(path)?;
    let certificates: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&bytes).collect();
    match certificates {
        Ok(certificates) if !certificates.is_empty() => Ok(certificates),
        _ => Err(CredentialsError::NotPem {
            path: path.to_owned(),
            what: "certificate",
        }),
    }
}

/// A pair's two files are replaced one after the other, so what does not match is looked at again.
fn pair(
    certificate: &Path,
    key: &Path,
    provider: &CryptoProvider,
) -> Result<Arc<CertifiedKey>, CredentialsError> {
    for _ in 1..LOOKS {
        match read_pair(certificate, key, provider) {
            Err(CredentialsError::Pair { .. }) => thread::sleep(BETWEEN_LOOKS),
            result => return result,
        }
    }
    read_pair(certificate, key, provider)
}

fn read_pair(
    certificate: &Path,
    key: &Path,
    provider: &CryptoProvider,
) -> Result<Arc<CertifiedKey>, CredentialsError> {
    let chain = certificates(certificate)?;
    // The parser's own error could quote the key.
    let pem = Zeroizing::new(read(key)?);
    let private = PrivateKeyDer::from_pem_slice(&pem).map_err(|_| CredentialsError::NotPem {
        path: key.to_owned(),
        what: "private key",
    })?;
    let pair = CertifiedKey::from_der(chain, private, provider);
    pair.map(Arc::new).map_err(|source| CredentialsError::Pair {
        certificate: certificate.to_owned(),
        key: key.to_owned(),
        source,
    })
}

fn verifier(
    path: &Path,
    provider: &Arc<CryptoProvider>,
) -> Result<Arc<WebPkiServerVerifier>, CredentialsError> {
    let unusable = |source| CredentialsError::Authority {
        path: path.to_owned(),
        source,
    };
    let mut roots = RootCertStore::empty();
    for certificate in certificates(path)? {
        roots.add(certificate).map_err(unusable)?;
    }
    WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider.clone())
        .build()
        .map_err(|error| unusable(Error::General(error.to_string())))
}

/// Keeps what was read last, and answers it if `read` fails.
fn fresh<T>(last: &Mutex<Arc<T>>, read: Result<Arc<T>, CredentialsError>) -> Arc<T> {
    let mut last = last.lock().unwrap_or_else(PoisonError::into_inner);
    if let Ok(read) = read {
        *last = read;
    }
    last.clone()
}

/// The certificate that a client shows, as it is in its files.
#[derive(Debug)]
struct Shown {
    certificate: PathBuf,
    key: PathBuf,
    provider: Arc<CryptoProvider>,
    last: Mutex<Arc<CertifiedKey>>,
}

impl ResolvesClientCert for Shown {
    fn resolve(&self, _: &[&[u8]], _: &[SignatureScheme]) -> Option<Arc<CertifiedKey>> {
        let read = pair(&self.certificate, &self.key, &self.provider);
        Some(fresh(&self.last, read))
    }

    fn has_certs(&self) -> bool {
        true
    }
}

/// Whom a client trusts, as it is in the file.
#[derive(Debug)]
struct Trust {
    path: PathBuf,
    provider: Arc<CryptoProvider>,
    last: Mutex<Arc<WebPkiServerVerifier>>,
}

impl Trust {
    fn last(&self) -> Arc<WebPkiServerVerifier> {
        let last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        last.clone()
    }
}

impl ServerCertVerifier for Trust {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        fresh(&self.last, verifier(&self.path, &self.provider)).verify_server_cert(
            end_entity,
            intermediates,
            name,
            ocsp,
            now,
        )
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.last()
            .verify_tls12_signature(message, certificate, signature)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.last()
            .verify_tls13_signature(message, certificate, signature)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.last().supported_verify_schemes()
    }
}

#[cfg(test)]
mod tests;

//! The files of certificates and keys.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, CertificateRevocationListDer, PrivateKeyDer};
use rustls::server::danger::ClientCertVerifier;
use rustls::server::{NoServerSessionStorage, VerifierBuilderError, WebPkiClientVerifier};
use rustls::{RootCertStore, ServerConfig, version};
use zeroize::Zeroize as _;

/// Where certificates and keys are, all in PEM.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsFiles {
    /// The server's certificate, with those that lead to its authority.
    pub certificate: PathBuf,
    /// The certificate's private key.
    pub key: PathBuf,
    /// Certificates of the authorities whose client certificates are believed.
    pub client_ca: PathBuf,
    /// The authorities' lists of what they revoked, if there are any.
    pub crl: Option<PathBuf>,
    /// How often they are looked at.
    pub look: Duration,
}

/// Files that cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TlsError {
    /// A file cannot be read.
    #[error("`{}` cannot be read: check its name and permissions", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A file is not what it should be.
    #[error("`{}` holds no {what} in PEM: see `netmaster certs --help`", path.display())]
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
        source: rustls::Error,
    },
    /// An authority's certificate is none.
    #[error("`{}` names no authority that can be trusted", path.display())]
    Authority {
        /// The file.
        path: PathBuf,
        /// Why.
        source: rustls::Error,
    },
    /// Authorities and lists do not go together.
    #[error(
        "client certificates cannot be checked by `{}` and its list of what is revoked",
        path.display()
    )]
    Verifier {
        /// The file with the authorities.
        path: PathBuf,
        /// Why.
        source: VerifierBuilderError,
    },
    /// This build lacks what TLS needs.
    #[error("TLS cannot be set up")]
    SetUp(#[from] rustls::Error),
}

/// What is in the files.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Contents {
    certificate: Vec<u8>,
    key: Secret,
    client_ca: Vec<u8>,
    crl: Option<Vec<u8>>,
}

/// Bytes that are not shown, and wiped from memory when they are not needed any more.
#[derive(Clone, PartialEq, Eq)]
struct Secret(Vec<u8>);

impl Drop for Secret {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("(secret)")
    }
}

/// What connections are made and checked with.
#[derive(Debug)]
pub(crate) struct Loaded {
    /// How TLS is spoken.
    pub(crate) server: Arc<ServerConfig>,
    /// What tells which client certificates are believed.
    pub(crate) verifier: Arc<dyn ClientCertVerifier>,
    /// The server's own certificate.
    pub(crate) own: CertificateDer<'static>,
}

impl TlsFiles {
    /// How often files are looked at as a rule.
    pub const LOOK: Duration = Duration::from_secs(2);

    /// Reads the files.
    pub(super) fn read(&self) -> Result<Contents, TlsError> {
        let crl = self.crl.as_deref().map(read).transpose()?;
        Ok(Contents {
            certificate: read(&self.certificate)?,
            key: Secret(read(&self.key)?),
            client_ca: read(&self.client_ca)?,
            crl,
        })
    }

    /// Makes what is in the files into what can be used.
    pub(super) fn load(&self, contents: &Contents) -> Result<Loaded, TlsError> {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let verifier = self.verifier(contents, provider.clone())?;
        let chain: Vec<CertificateDer<'static>> =
            parse(&self.certificate, &contents.certificate, "certificate")?;
        let own = chain.first().cloned().unwrap_or_else(|| Vec::new().into());
        // The parser's own error could quote the key.
        let key = PrivateKeyDer::from_pem_slice(&contents.key.0).map_err(|_| TlsError::NotPem {
            path: self.key.clone(),
            what: "private key",
        })?;
        let mut server = ServerConfig::builder_with_provider(provider)
            .with_protocol_versions(&[&version::TLS13, &version::TLS12])?
            .with_client_cert_verifier(verifier.clone())
            .with_single_cert(chain, key)
            .map_err(|source| TlsError::Pair {
                certificate: self.certificate.clone(),
                key: self.key.clone(),
                source,
            })?;
        server.alpn_protocols = vec![b"http/1.1".to_vec()];
        // A session that is resumed is not checked again: a certificate would outlive its end.
        server.session_storage = Arc::new(NoServerSessionStorage {});
        server.send_tls13_tickets = 0;
        Ok(Loaded {
            server: Arc::new(server),
            verifier,
            own,
        })
    }

    fn verifier(
        &self,
        contents: &Contents,
        provider: Arc<CryptoProvider>,
    ) -> Result<Arc<dyn ClientCertVerifier>, TlsError> {
        let mut roots = RootCertStore::empty();
        for root in parse(&self.client_ca, &contents.client_ca, "certificate")? {
            roots.add(root).map_err(|source| TlsError::Authority {
                path: self.client_ca.clone(),
                source,
            })?;
        }
        let crls: Vec<CertificateRevocationListDer<'static>> = match (&self.crl, &contents.crl) {
            (Some(path), Some(bytes)) => parse(path, bytes, "list of revoked certificates")?,
            _ => Vec::new(),
        };
        WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider)
            .with_crls(crls)
            .only_check_end_entity_revocation()
            // An authority without a list has revoked nothing.
            .allow_unknown_revocation_status()
            .allow_unauthenticated()
            .build()
            .map_err(|source| TlsError::Verifier {
                path: self.client_ca.clone(),
                source,
            })
    }
}

impl Contents {
    /// Whether the same clients are trusted.
    pub(super) fn trusts_as(&self, other: &Self) -> bool {
        (&self.client_ca, &self.crl) == (&other.client_ca, &other.crl)
    }
}

fn read(path: &Path) -> Result<Vec<u8>, TlsError> {
    std::fs::read(path).map_err(|source| TlsError::Read {
        path: path.to_owned(),
        source,
    })
}

/// All of what is wanted, of which there is at least one.
fn parse<T: PemObject>(path: &Path, bytes: &[u8], what: &'static str) -> Result<Vec<T>, TlsError> {
    let parsed: Result<Vec<T>, _> = T::pem_slice_iter(bytes).collect();
    match parsed {
        Ok(parsed) if !parsed.is_empty() => Ok(parsed),
        _ => Err(TlsError::NotPem {
            path: path.to_owned(),
            what,
        }),
    }
}

//! Certificates for nodes, signed here.
//!
//! The authority's files are read each time something is signed: that is seldom, and so they can be
//! replaced at any time.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rcgen::{
    Certificate, CertificateParams, CertificateSigningRequestParams, DistinguishedName, DnType,
    ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair, KeyUsagePurpose, PublicKeyData as _,
    SerialNumber,
};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use time::OffsetDateTime;
use trunkline_ipam::{Digest, Timestamp};
use trunkline_netmaster_api::{NodeCertificate, Role};
use trunkline_types::Name;
use uuid::Uuid;
use x509_parser::prelude::{FromDer as _, X509Certificate};
use zeroize::Zeroizing;

use crate::identity::IdentityName;
use crate::tokens::digest;

/// How far the clocks of two machines may be apart, in seconds.
const SKEW: i64 = 300;

/// What signs the certificates of nodes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NodeAuthority {
    /// The authority's certificate in PEM, with those that lead to one that is trusted.
    pub certificate: PathBuf,
    /// Its private key in PEM.
    pub key: PathBuf,
    /// How long a node's certificate is good; not beyond the authority's own end.
    pub life: Duration,
}

/// Why a node gets no certificate.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum IssueError {
    /// What it sent is no request, or not signed with the key that is in it.
    #[error(
        "it is not a certificate signing request (PKCS #10) in PEM that is signed with its own \
         key: make one with `netplugin`, or with `openssl req -new`"
    )]
    Request,
    /// The authority's files cannot be used.
    #[error("`{}` cannot be used to sign certificates: see `netmaster certs init`", path.display())]
    Authority {
        /// The file.
        path: PathBuf,
    },
    /// A file cannot be read.
    #[error("`{}` cannot be read: check its name and permissions", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The authority has expired.
    #[error("the authority `{}` has expired: see `netmaster certs rotate`", path.display())]
    Expired {
        /// The file.
        path: PathBuf,
    },
    /// It cannot be signed.
    #[error("it cannot be signed")]
    Sign(#[from] rcgen::Error),
}

/// A certificate, and what the audit has of it.
#[derive(Debug)]
pub(crate) struct Issued {
    /// What the node gets.
    pub(crate) certificate: NodeCertificate,
    /// Its number, in hexadecimal digits, by which `netmaster certs revoke` knows it.
    pub(crate) serial: String,
}

impl Issued {
    /// From when on it is valid.
    pub(crate) fn valid_from(&self) -> Timestamp {
        Timestamp::from_unix_seconds(self.certificate.not_before)
    }
}

/// A certificate signing request, of which the key counts and nothing else.
#[derive(Debug)]
pub(crate) struct Request {
    read: CertificateSigningRequestParams,
}

impl Request {
    /// Reads a request, and checks that who made it has the key.
    ///
    /// # Errors
    ///
    /// [`IssueError::Request`] if it is none.
    pub(crate) fn read(pem: &str) -> Result<Self, IssueError> {
        let read = CertificateSigningRequestParams::from_pem(pem);
        let read = read.map_err(|_| IssueError::Request)?;
        Ok(Self { read })
    }

    /// The digest of its public key.
    pub(crate) fn key(&self) -> Digest {
        digest(&self.read.public_key.subject_public_key_info())
    }
}

impl NodeAuthority {
    /// Checks that something can be signed.
    ///
    /// # Errors
    ///
    /// [`IssueError`] if not.
    pub(crate) fn check(&self, now: Timestamp) -> Result<(), IssueError> {
        self.read(time(now)?).map(drop)
    }

    /// Signs a certificate that makes whoever has the key of `request` the agent of `node`. It is
    /// valid from a little before `now` on, for clocks differ, but not from before `earliest`.
    /// Blocks while files are read.
    ///
    /// # Errors
    ///
    /// [`IssueError`] if that cannot be done.
    pub(crate) fn issue(
        &self,
        node: &Name,
        request: &Request,
        now: Timestamp,
        earliest: Option<Timestamp>,
    ) -> Result<Issued, IssueError> {
        let earliest = time(earliest.unwrap_or_default())?;
        let now = time(now)?;
        let signer = self.read(now)?;
        let life = i64::try_from(self.life.as_secs()).unwrap_or(i64::MAX);
        let end = now.unix_timestamp().saturating_add(life);
        let not_after = at(end.min(signer.until.unix_timestamp()))?;
        // One that is good for minutes only is not to be old from the beginning.
        let back = SKEW.min(life / 2);
        let not_before = at(now.unix_timestamp() - back)?.max(earliest);
        // A renewed one has the same key, and would have the same number by default.
        let serial = Uuid::new_v4();
        let mut request = request.read.clone();
        request.params = params(node, not_before, not_after);
        request.params.serial_number = Some(SerialNumber::from_slice(serial.as_bytes()));
        let certificate: Certificate = request.signed_by(&signer.issuer)?;
        let seconds = |time: OffsetDateTime| u64::try_from(time.unix_timestamp()).unwrap_or(0);
        Ok(Issued {
            certificate: NodeCertificate {
                certificate: certificate.pem() + &signer.chain,
                not_before: seconds(not_before),
                not_after: seconds(not_after),
            },
            serial: serial.simple().to_string(),
        })
    }

    fn read(&self, now: OffsetDateTime) -> Result<Signer, IssueError> {
        let unusable = |path: &Path| IssueError::Authority {
            path: path.to_owned(),
        };
        let pem = text(&self.certificate)?;
        let der = CertificateDer::from_pem_slice(pem.as_bytes());
        let der = der.map_err(|_| unusable(&self.certificate))?;
        let parsed = X509Certificate::from_der(&der);
        let (_, parsed) = parsed.map_err(|_| unusable(&self.certificate))?;
        if !parsed.is_ca() {
            return Err(unusable(&self.certificate));
        }
        let until = parsed.validity().not_after.to_datetime();
        if until <= now {
            return Err(IssueError::Expired {
                path: self.certificate.clone(),
            });
        }
        // The parser's own error could quote the key.
        let secret = Zeroizing::new(text(&self.key)?);
        let key = KeyPair::from_pem(&secret).map_err(|_| unusable(&self.key))?;
        if key.subject_public_key_info() != parsed.public_key().raw {
            return Err(unusable(&self.key));
        }
        // One that signed itself is known to those who trust it.
        let chain = if parsed.issuer() == parsed.subject() {
            String::new()
        } else {
            pem
        };
        Ok(Signer {
            issuer: Issuer::from_ca_cert_der(&der, key)?,
            until,
            chain,
        })
    }
}

/// An authority as it is in its files.
struct Signer {
    issuer: Issuer<'static, KeyPair>,
    until: OffsetDateTime,
    /// What leads from a certificate to one that is trusted.
    chain: String,
}

/// What a node's certificate says: nothing of what the node asked for.
fn params(node: &Name, not_before: OffsetDateTime, not_after: OffsetDateTime) -> CertificateParams {
    let identity = IdentityName::Certificate(Role::Node, node.clone());
    let mut params = CertificateParams::default();
    params.distinguished_name = DistinguishedName::new();
    params
        .distinguished_name
        .push(DnType::CommonName, identity.to_string());
    params.is_ca = IsCa::ExplicitNoCa;
    params.use_authority_key_identifier_extension = true;
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
    params.not_before = not_before;
    params.not_after = not_after;
    params
}

fn text(path: &Path) -> Result<String, IssueError> {
    fs::read_to_string(path).map_err(|source| IssueError::Read {
        path: path.to_owned(),
        source,
    })
}

fn time(now: Timestamp) -> Result<OffsetDateTime, IssueError> {
    at(i64::try_from(now.unix_seconds()).unwrap_or(i64::MAX))
}

/// A point in time that a certificate can name.
fn at(seconds: i64) -> Result<OffsetDateTime, IssueError> {
    OffsetDateTime::from_unix_timestamp(seconds).map_err(|_| IssueError::Sign(rcgen::Error::Time))
}

#[cfg(test)]
mod tests;

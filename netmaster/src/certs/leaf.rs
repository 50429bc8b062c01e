//! Certificates of those who are not an authority.

use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use rcgen::string::Ia5String;
use rcgen::{
    CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa, KeyUsagePurpose,
    SanType,
};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use time::{Duration, OffsetDateTime};
use x509_parser::extensions::GeneralName;
use x509_parser::prelude::{FromDer as _, X509Certificate};

use super::serial::Serial;
use crate::identity::{IdentityError, IdentityName};

/// How far the clocks of two machines may be apart.
const SKEW: Duration = Duration::minutes(5);

/// A certificate that cannot be issued or understood.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LeafError {
    /// It is for nobody who could have one.
    #[error("`{identity}` has no certificate: name somebody as `<role>:<name>`, like `node:n17`")]
    NoCertificate {
        /// Who was named.
        identity: String,
    },
    /// It would serve, and is for somebody who does not.
    #[error(
        "`--san` is for replicas (`replica:<name>`), which serve with their certificates, and \
         `{identity}` is none: leave it out"
    )]
    NoServer {
        /// Whom it is for.
        identity: String,
    },
    /// A name that no host has.
    #[error("`{name}` is neither a host name nor an address: correct `--san`")]
    HostName {
        /// What was given.
        name: String,
    },
    /// A file holds no certificate that one of ours could be.
    #[error("`{}` is no certificate of an identity", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
    },
    /// The certificate is somebody's whom netmaster does not know.
    #[error("`{}` is no certificate of an identity", path.display())]
    Name {
        /// The file.
        path: PathBuf,
        /// Why.
        source: IdentityNameError,
    },
}

/// Why a common name is no identity.
#[derive(Debug, thiserror::Error)]
#[error(transparent)]
pub struct IdentityNameError(#[from] IdentityError);

/// What a certificate says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Leaf {
    identity: IdentityName,
    /// Where it serves; none if it does not.
    hosts: Vec<SanType>,
    days: Duration,
}

/// A certificate that is there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Found {
    pub(super) leaf: Leaf,
    pub(super) serial: Serial,
    /// The subject of who signed it, in DER.
    pub(super) issuer: Vec<u8>,
    pub(super) until: OffsetDateTime,
}

impl Leaf {
    pub(super) fn new(
        identity: IdentityName,
        hosts: &[String],
        days: u16,
    ) -> Result<Self, LeafError> {
        let serves = match &identity {
            IdentityName::Replica(_) => true,
            IdentityName::Certificate(..) => false,
            other => {
                let identity = other.to_string();
                return Err(LeafError::NoCertificate { identity });
            }
        };
        if !serves && !hosts.is_empty() {
            let identity = identity.to_string();
            return Err(LeafError::NoServer { identity });
        }
        let hosts: Result<_, _> = hosts.iter().map(|host| san(host)).collect();
        Ok(Self {
            identity,
            hosts: hosts?,
            days: Duration::days(days.into()),
        })
    }

    /// What its files are called, without what tells them apart.
    pub(super) fn file_name(&self) -> String {
        self.identity.to_string().replace(':', "-")
    }

    /// What to sign, valid from `now` on, and not beyond `end`.
    pub(super) fn params(&self, now: OffsetDateTime, end: OffsetDateTime) -> CertificateParams {
        let mut params = CertificateParams::default();
        params.distinguished_name = DistinguishedName::new();
        params
            .distinguished_name
            .push(DnType::CommonName, self.identity.to_string());
        params.subject_alt_names.clone_from(&self.hosts);
        params.is_ca = IsCa::ExplicitNoCa;
        params.use_authority_key_identifier_extension = true;
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        if !self.hosts.is_empty() {
            let serves = ExtendedKeyUsagePurpose::ServerAuth;
            params.extended_key_usages.push(serves);
        }
        params.not_before = now - SKEW;
        params.not_after = end.min(now + self.days);
        params
    }
}

impl Found {
    /// What the first certificate of a file says.
    pub(super) fn read(path: &Path, pem: &[u8]) -> Result<Self, LeafError> {
        let path = path.to_owned();
        let Ok(der) = CertificateDer::from_pem_slice(pem) else {
            return Err(LeafError::Unreadable { path });
        };
        let Ok((_, parsed)) = X509Certificate::from_der(&der) else {
            return Err(LeafError::Unreadable { path });
        };
        let name = parsed.subject().iter_common_name().next();
        let Some(name) = name.and_then(|name| name.as_str().ok()) else {
            return Err(LeafError::Unreadable { path });
        };
        let identity = IdentityName::from_str(name).map_err(|error| LeafError::Name {
            path: path.clone(),
            source: error.into(),
        })?;
        let validity = parsed.validity();
        let until = validity.not_after.to_datetime();
        let from = validity.not_before.to_datetime();
        Ok(Self {
            leaf: Leaf {
                identity,
                hosts: hosts(&parsed),
                days: until - from - SKEW,
            },
            serial: Serial::of(parsed.raw_serial()),
            issuer: parsed.issuer().as_raw().to_vec(),
            until,
        })
    }
}

fn san(host: &str) -> Result<SanType, LeafError> {
    if let Ok(ip) = host.parse::<IpAddr>() {
        return Ok(SanType::IpAddress(ip));
    }
    let name = || LeafError::HostName {
        name: host.escape_debug().to_string(),
    };
    let label = |label: &str| {
        !label.is_empty()
            && label
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
    };
    if !host.split('.').all(label) {
        return Err(name());
    }
    let host: Ia5String = host.to_owned().try_into().map_err(|_| name())?;
    Ok(SanType::DnsName(host))
}

/// Where a certificate serves.
fn hosts(parsed: &X509Certificate<'_>) -> Vec<SanType> {
    let Ok(Some(names)) = parsed.subject_alternative_name() else {
        return Vec::new();
    };
    let names = names.value.general_names.iter();
    names
        .filter_map(|name| match name {
            GeneralName::DNSName(host) => san(host).ok(),
            GeneralName::IPAddress(bytes) => {
                let ip = match bytes.len() {
                    4 => <[u8; 4]>::try_from(*bytes).ok().map(IpAddr::from),
                    _ => <[u8; 16]>::try_from(*bytes).ok().map(IpAddr::from),
                };
                ip.map(SanType::IpAddress)
            }
            _ => None,
        })
        .collect()
}

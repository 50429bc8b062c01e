//! What a certificate says of whom it is for.

use std::path::Path;
use std::time::{Duration, SystemTime};

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use trunkline_ipam::Timestamp;
use x509_parser::prelude::{FromDer as _, X509Certificate};

use crate::identity::{Identity, IdentityError};

/// A certificate that says nothing that can be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum CertificateError {
    /// It is none.
    #[error("it cannot be read")]
    Unreadable,
    /// Its subject has no common name, or several.
    #[error("its subject has {0} common names: issue it with one, like `CN=node:n17`")]
    CommonNames(usize),
    /// Its common name is no identity.
    #[error("its common name is of no use")]
    Name(#[from] IdentityError),
}

/// Whom a certificate is for, and until when.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Holder {
    pub(crate) identity: Identity,
    pub(crate) until: SystemTime,
}

impl Holder {
    /// Whom `certificate` is for. Whether that is true is for others to check.
    ///
    /// # Errors
    ///
    /// [`CertificateError`] if it does not say so.
    pub(crate) fn of(certificate: &CertificateDer<'_>) -> Result<Self, CertificateError> {
        let parsed = X509Certificate::from_der(certificate);
        let (_, parsed) = parsed.map_err(|_| CertificateError::Unreadable)?;
        let names: Vec<_> = parsed.subject().iter_common_name().collect();
        let [name] = names.as_slice() else {
            return Err(CertificateError::CommonNames(names.len()));
        };
        let name = name.as_str().map_err(|_| CertificateError::Unreadable)?;
        // Before 1970 is as long ago as 1970.
        let from = u64::try_from(parsed.validity().not_before.timestamp()).unwrap_or(0);
        let from = Timestamp::from_unix_seconds(from);
        Ok(Self {
            identity: Identity::of_certificate(name)?.valid_from(from),
            until: end(&parsed),
        })
    }
}

/// Whether the certificate in a file, in PEM, is a replica's.
pub(crate) fn is_replicas(file: &Path) -> bool {
    let certificate = CertificateDer::from_pem_file(file).ok();
    let holder = certificate.and_then(|certificate| Holder::of(&certificate).ok());
    holder.is_some_and(|holder| holder.identity.is_replica())
}

/// When the first of the certificates in a file, in PEM, ends: in seconds since 1970. None if it
/// holds none that can be read.
pub(crate) fn first_end(file: &Path) -> Option<u64> {
    let certificates = CertificateDer::pem_file_iter(file).ok()?;
    let ends = certificates.map(|certificate| {
        let end = valid_until(&certificate.ok()?).ok()?;
        let since = end.duration_since(SystemTime::UNIX_EPOCH).ok()?;
        Some(since.as_secs())
    });
    ends.flatten().min()
}

/// When a certificate ends.
///
/// # Errors
///
/// [`CertificateError`] if it cannot be read.
pub(crate) fn valid_until(
    certificate: &CertificateDer<'_>,
) -> Result<SystemTime, CertificateError> {
    let parsed = X509Certificate::from_der(certificate);
    let (_, parsed) = parsed.map_err(|_| CertificateError::Unreadable)?;
    Ok(end(&parsed))
}

fn end(parsed: &X509Certificate<'_>) -> SystemTime {
    // Before 1970 is as long ago as 1970.
    let seconds = u64::try_from(parsed.validity().not_after.timestamp()).unwrap_or(0);
    SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)
}

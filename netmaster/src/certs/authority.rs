//! What signs certificates.

use std::path::{Path, PathBuf};

use pem::{EncodeConfig, LineEnding, Pem, encode_config};
use rcgen::{
    BasicConstraints, CertificateParams, CertificateRevocationListParams, DistinguishedName,
    DnType, IsCa, Issuer, KeyIdMethod, KeyPair, KeyUsagePurpose, PublicKeyData as _,
    RevokedCertParams, SerialNumber,
};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, CertificateRevocationListDer};
use time::{Duration, OffsetDateTime};
use uuid::Uuid;
use x509_parser::prelude::{CertificateRevocationList, FromDer as _, X509Certificate};
use zeroize::Zeroizing;

use super::files::{
    FileError, Readers, make_directory, must_not_exist, read, read_if_there, replace,
};
use super::leaf::{Found, Leaf};
use super::serial::Serial;

/// The certificates to trust.
const TRUST: &str = "ca.pem";
/// What signs.
const KEY: &str = "ca.key";
/// What is revoked.
const REVOKED: &str = "ca.crl";

/// For how long a list of what is revoked counts. netmaster takes no notice of its end.
const LIST: Duration = Duration::days(3650);

/// Why an authority cannot do its work.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AuthorityError {
    /// Its files cannot be used.
    #[error(transparent)]
    File(#[from] FileError),
    /// Its files are not what they should be.
    #[error("`{}` is not what `netmaster certs init` wrote", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
    },
    /// A certificate is another authority's.
    #[error(
        "`{}` was not signed by the authority in `{}`: only it can revoke what it signed",
        certificate.display(),
        directory.display()
    )]
    NotOurs {
        /// The certificate.
        certificate: PathBuf,
        /// The authority's directory.
        directory: PathBuf,
    },
    /// Something cannot be signed.
    #[error("it cannot be signed")]
    Sign(#[from] rcgen::Error),
}

/// A certificate and its key, in PEM.
pub(super) struct Issued {
    pub(super) certificate: String,
    pub(super) key: String,
    pub(super) until: OffsetDateTime,
}

/// What signs certificates, and where it is.
pub(super) struct Authority {
    directory: PathBuf,
    issuer: Issuer<'static, KeyPair>,
    /// Its subject, in DER.
    subject: Vec<u8>,
    until: OffsetDateTime,
}

impl Authority {
    /// Makes one, valid from `now` on.
    pub(super) fn init(
        directory: &Path,
        now: OffsetDateTime,
        days: u16,
    ) -> Result<(), AuthorityError> {
        make_directory(directory)?;
        for name in [TRUST, KEY] {
            must_not_exist(&directory.join(name))?;
        }
        write(directory, now, Duration::days(days.into()), "")
    }

    /// Makes a new one in the place of the one that is there, which is trusted until its end.
    pub(super) fn succeed(self, now: OffsetDateTime) -> Result<(), AuthorityError> {
        let path = self.directory.join(TRUST);
        let pem = read(&path)?;
        let mut before = String::new();
        let unreadable = || AuthorityError::Unreadable { path: path.clone() };
        for der in CertificateDer::pem_slice_iter(&pem) {
            let der = der.map_err(|_| unreadable())?;
            let (_, parsed) = X509Certificate::from_der(&der).map_err(|_| unreadable())?;
            if parsed.validity().not_after.to_datetime() > now {
                before += &to_pem("CERTIFICATE", &der);
            }
        }
        let days = Duration::days(3650);
        write(&self.directory, now, days, &before)
    }

    /// Reads the one in `directory`.
    pub(super) fn read(directory: &Path) -> Result<Self, AuthorityError> {
        let trust = directory.join(TRUST);
        let unreadable = |path: &Path| AuthorityError::Unreadable {
            path: path.to_owned(),
        };
        let der = CertificateDer::from_pem_slice(&read(&trust)?).map_err(|_| unreadable(&trust))?;
        let (_, parsed) = X509Certificate::from_der(&der).map_err(|_| unreadable(&trust))?;
        let (subject, until) = (
            parsed.subject().as_raw().to_vec(),
            parsed.validity().not_after.to_datetime(),
        );
        let path = directory.join(KEY);
        let pem = Zeroizing::new(read(&path)?);
        let pem = str::from_utf8(&pem).map_err(|_| unreadable(&path))?;
        // The parser's own error could quote the key.
        let key = KeyPair::from_pem(pem).map_err(|_| unreadable(&path))?;
        if key.subject_public_key_info() != parsed.public_key().raw {
            return Err(unreadable(&path));
        }
        Ok(Self {
            directory: directory.to_owned(),
            issuer: Issuer::from_ca_cert_der(&der, key)?,
            subject,
            until,
        })
    }

    /// Signs a certificate with a key of its own.
    pub(super) fn issue(&self, leaf: &Leaf, now: OffsetDateTime) -> Result<Issued, AuthorityError> {
        let key = KeyPair::generate()?;
        let params = leaf.params(now, self.until);
        let certificate = params.signed_by(&key, &self.issuer)?;
        Ok(Issued {
            certificate: certificate.pem(),
            key: key.serialize_pem(),
            until: params.not_after,
        })
    }

    /// Adds certificates to those that are revoked, and numbers of others that it signed, and answers
    /// how many there are.
    pub(super) fn revoke(
        &self,
        certificates: &[(PathBuf, Found)],
        numbers: &[Serial],
        now: OffsetDateTime,
    ) -> Result<usize, AuthorityError> {
        let path = self.directory.join(REVOKED);
        let (mut serials, others) = self.revoked(&path)?;
        for (file, found) in certificates {
            if found.issuer != self.subject {
                return Err(AuthorityError::NotOurs {
                    certificate: file.clone(),
                    directory: self.directory.clone(),
                });
            }
        }
        let shown = certificates.iter().map(|(_, found)| &found.serial);
        for serial in shown.chain(numbers) {
            if !serials.contains(serial) {
                serials.push(serial.clone());
            }
        }
        let count = serials.len();
        let revoked = serials.iter().map(|serial| RevokedCertParams {
            serial_number: SerialNumber::from_slice(serial.bytes()),
            revocation_time: now,
            reason_code: None,
            invalidity_date: None,
        });
        let list = CertificateRevocationListParams {
            this_update: now,
            next_update: now + LIST,
            crl_number: SerialNumber::from(now.unix_timestamp().unsigned_abs()),
            issuing_distribution_point: None,
            revoked_certs: revoked.collect(),
            key_identifier_method: KeyIdMethod::Sha256,
        };
        let text = list.signed_by(&self.issuer)?.pem()?;
        replace(&path, &(text + &others), Readers::Everybody)?;
        Ok(count)
    }

    /// What this authority has revoked, and the lists of those before it.
    fn revoked(&self, path: &Path) -> Result<(Vec<Serial>, String), AuthorityError> {
        let pem = read_if_there(path)?.unwrap_or_default();
        let unreadable = || AuthorityError::Unreadable {
            path: path.to_owned(),
        };
        let (mut serials, mut others) = (Vec::new(), String::new());
        for der in CertificateRevocationListDer::pem_slice_iter(&pem) {
            let der = der.map_err(|_| unreadable())?;
            let parsed = CertificateRevocationList::from_der(&der);
            let (_, parsed) = parsed.map_err(|_| unreadable())?;
            if parsed.issuer().as_raw() != self.subject {
                others += &to_pem("X509 CRL", &der);
                continue;
            }
            for revoked in parsed.iter_revoked_certificates() {
                serials.push(Serial::of(revoked.raw_serial()));
            }
        }
        Ok((serials, others))
    }
}

fn to_pem(tag: &str, der: &[u8]) -> String {
    let lines = EncodeConfig::new().set_line_ending(LineEnding::LF);
    encode_config(&Pem::new(tag, der), lines)
}

/// Writes a new authority, and `before` behind its certificate.
fn write(
    directory: &Path,
    now: OffsetDateTime,
    validity: Duration,
    before: &str,
) -> Result<(), AuthorityError> {
    let key = KeyPair::generate()?;
    let mut params = CertificateParams::default();
    params.distinguished_name = DistinguishedName::new();
    // Each has a name of its own, or nobody could tell which one signed something.
    let name = format!("Trunkline authority {}", Uuid::new_v4().simple());
    params.distinguished_name.push(DnType::CommonName, name);
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params.not_before = now - Duration::minutes(5);
    params.not_after = now + validity;
    let certificate = params.self_signed(&key)?.pem();
    // Nobody can use the certificate without its key, but the key without its certificate is lost.
    replace(
        &directory.join(KEY),
        &Zeroizing::new(key.serialize_pem()),
        Readers::Owner,
    )?;
    let trust = certificate + before;
    replace(&directory.join(TRUST), &trust, Readers::Everybody)?;
    Ok(())
}

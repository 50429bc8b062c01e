//! An authority that signs what a test needs, also what no proper one would.

use std::path::{Path, PathBuf};

use rcgen::{
    BasicConstraints, CertificateParams, CertificateRevocationListParams, DistinguishedName,
    DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyIdMethod, KeyPair, KeyUsagePurpose,
    RevokedCertParams, SerialNumber,
};
use time::{Duration, OffsetDateTime};
use trunkline_netmaster_api::Credentials;

pub(crate) struct Authority {
    issuer: Issuer<'static, KeyPair>,
    pub(crate) pem: String,
    pub(crate) key: String,
}

/// What is in a certificate.
pub(crate) struct Wish {
    pub(crate) common_name: String,
    pub(crate) server: bool,
    pub(crate) client: bool,
    /// When it ends, seen from now.
    pub(crate) ends_in: Duration,
}

/// A certificate with its key.
#[derive(Clone)]
pub(crate) struct Pair {
    pub(crate) certificate: String,
    pub(crate) key: String,
    pub(crate) serial: u64,
}

impl Wish {
    /// A client's.
    pub(crate) fn client(common_name: &str) -> Self {
        Self {
            common_name: common_name.to_owned(),
            server: false,
            client: true,
            ends_in: Duration::days(1),
        }
    }

    /// A replica's, which serves on this machine.
    pub(crate) fn replica(common_name: &str) -> Self {
        Self {
            server: true,
            ..Self::client(common_name)
        }
    }
}

impl Authority {
    pub(crate) fn new(name: &str) -> Self {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::default();
        params.distinguished_name = DistinguishedName::new();
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let pem = params.self_signed(&key).unwrap().pem();
        let key_pem = key.serialize_pem();
        let issuer = Issuer::new(params, key);
        Self {
            issuer,
            pem,
            key: key_pem,
        }
    }

    pub(crate) fn sign(&self, wish: &Wish) -> Pair {
        let serial = next_serial();
        let mut params = CertificateParams::new(match wish.server {
            true => vec!["127.0.0.1".to_owned(), "localhost".to_owned()],
            false => Vec::new(),
        })
        .unwrap();
        params.distinguished_name = DistinguishedName::new();
        params
            .distinguished_name
            .push(DnType::CommonName, wish.common_name.as_str());
        params.serial_number = Some(SerialNumber::from(serial));
        let now = OffsetDateTime::now_utc();
        params.not_before = now - Duration::days(2);
        params.not_after = now + wish.ends_in;
        if wish.client {
            params
                .extended_key_usages
                .push(ExtendedKeyUsagePurpose::ClientAuth);
        }
        if wish.server {
            params
                .extended_key_usages
                .push(ExtendedKeyUsagePurpose::ServerAuth);
        }
        let key = KeyPair::generate().unwrap();
        Pair {
            certificate: params.signed_by(&key, &self.issuer).unwrap().pem(),
            key: key.serialize_pem(),
            serial,
        }
    }

    /// The list of what it revoked.
    pub(crate) fn revoke(&self, pairs: &[&Pair]) -> String {
        let now = OffsetDateTime::now_utc();
        let revoked = pairs.iter().map(|pair| RevokedCertParams {
            serial_number: SerialNumber::from(pair.serial),
            revocation_time: now,
            reason_code: None,
            invalidity_date: None,
        });
        let list = CertificateRevocationListParams {
            this_update: now,
            next_update: now + Duration::days(1),
            crl_number: SerialNumber::from(now.unix_timestamp().unsigned_abs()),
            issuing_distribution_point: None,
            revoked_certs: revoked.collect(),
            key_identifier_method: KeyIdMethod::Sha256,
        };
        list.signed_by(&self.issuer).unwrap().pem().unwrap()
    }
}

/// A number that no other certificate of the test has.
fn next_serial() -> u64 {
    use std::sync::atomic::{AtomicU64, Ordering};
    static NEXT: AtomicU64 = AtomicU64::new(1);
    NEXT.fetch_add(1, Ordering::Relaxed)
}

impl Pair {
    /// Writes it to files of this name.
    pub(crate) fn write(&self, directory: &Path, name: &str) -> (PathBuf, PathBuf) {
        let certificate = directory.join(format!("{name}.pem"));
        let key = directory.join(format!("{name}.key"));
        replace(&key, &self.key);
        replace(&certificate, &self.certificate);
        (certificate, key)
    }

    /// What a client shows that has it, and trusts the authority in `ca`.
    pub(crate) fn credentials(&self, directory: &Path, name: &str, ca: &Path) -> Credentials {
        Credentials {
            ca: Some(ca.to_owned()),
            certificate: Some(self.write(directory, name)),
            token: None,
        }
    }
}

/// As everybody should who replaces a file that others read.
pub(crate) fn replace(path: &Path, text: &str) {
    let partial = path.with_extension("partial");
    std::fs::write(&partial, text).unwrap();
    std::fs::rename(&partial, path).unwrap();
}

//! The files of a certificate: read as they are, written in one step.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use anyhow::Context;
use rcgen::{CertificateParams, DistinguishedName, DnType, KeyPair, PublicKeyData as _};
use trunkline_types::Name;
use x509_parser::pem::parse_x509_pem;
use zeroize::Zeroizing;

use super::validity::Validity;

/// A private key is for the agent alone.
const KEY_MODE: u32 = 0o600;
/// A certificate is no secret.
const CERTIFICATE_MODE: u32 = 0o644;
const DIRECTORY_MODE: u32 = 0o700;

/// The node's private key. It is not printed.
pub(super) struct Key(KeyPair);

impl Key {
    /// Reads the key, or makes one and stores it.
    ///
    /// # Errors
    ///
    /// It cannot be read or stored, or is none.
    pub(super) fn read_or_make(path: &Path) -> anyhow::Result<Self> {
        match fs::read_to_string(path) {
            // The parser's own error could quote the key.
            Ok(text) => match KeyPair::from_pem(&Zeroizing::new(text)) {
                Ok(key) => Ok(Self(key)),
                Err(_) => anyhow::bail!(
                    "`{}` is no private key in PEM: move it away to have another one made",
                    path.display()
                ),
            },
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let key = KeyPair::generate().context("can't make a key")?;
                replace(path, &Zeroizing::new(key.serialize_pem()), KEY_MODE)
                    .with_context(|| super::not_stored(path))?;
                Ok(Self(key))
            }
            Err(error) => Err(error).with_context(|| format!("can't read `{}`", path.display())),
        }
    }

    /// A certificate signing request. Whom the certificate is for, netmaster decides.
    pub(super) fn request(&self) -> anyhow::Result<String> {
        let mut params = CertificateParams::default();
        params.distinguished_name = DistinguishedName::new();
        params.distinguished_name.push(DnType::CommonName, "node");
        let request = params.serialize_request(&self.0);
        let pem = request.and_then(|request| request.pem());
        pem.context("can't make a certificate signing request")
    }
}

/// The validity of the certificate in a file; none if there is none, or it is not of `node` and
/// `key`.
pub(super) fn validity_of(path: &Path, node: &Name, key: &Key) -> Option<Validity> {
    let text = fs::read(path).ok()?;
    let (_, pem) = parse_x509_pem(&text).ok()?;
    let parsed = pem.parse_x509().ok()?;
    let name = parsed.subject().iter_common_name().next()?;
    let own = name.as_str().ok()? == format!("node:{node}");
    let fits = parsed.public_key().raw == key.0.subject_public_key_info();
    Validity::of(&parsed).filter(|_| own && fits)
}

/// The validity of the first certificate in a file, whosever it is; none if there is none.
pub(super) fn validity_in(path: &Path) -> Option<Validity> {
    let text = fs::read(path).ok()?;
    let (_, pem) = parse_x509_pem(&text).ok()?;
    let parsed = pem.parse_x509().ok()?;
    Validity::of(&parsed)
}

/// The token in a file.
///
/// # Errors
///
/// It cannot be read. The error does not quote what is in it.
pub(super) fn read_token(path: &Path) -> anyhow::Result<String> {
    let text = fs::read_to_string(path).with_context(|| {
        format!(
            "can't read the token `{}`: write one of `netctl token create --role node` there",
            path.display()
        )
    })?;
    Ok(text.trim().to_owned())
}

/// Puts a certificate in the place of the one that is there.
pub(super) fn write_certificate(path: &Path, pem: &str) -> io::Result<()> {
    replace(path, pem, CERTIFICATE_MODE)
}

/// Puts `text` in the place of a file: whole, or not at all, even if the machine stops meanwhile.
fn replace(path: &Path, text: &str, mode: u32) -> io::Result<()> {
    let directory = path
        .parent()
        .filter(|parent| !parent.as_os_str().is_empty());
    let directory = directory.unwrap_or(Path::new("."));
    DirBuilder::new()
        .recursive(true)
        .mode(DIRECTORY_MODE)
        .create(directory)?;
    let new = beside(path);
    // What an attempt that broke off has left may have another mode.
    match fs::remove_file(&new) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(mode)
        .open(&new)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    fs::rename(&new, path)?;
    File::open(directory)?.sync_all()
}

fn beside(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".new");
    PathBuf::from(name)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    fn signed(key: &Key, name: &str) -> String {
        let mut params = CertificateParams::default();
        params.distinguished_name = DistinguishedName::new();
        params.distinguished_name.push(DnType::CommonName, name);
        params.not_before = rcgen::date_time_ymd(2026, 1, 1);
        params.not_after = rcgen::date_time_ymd(2026, 1, 31);
        params.self_signed(&key.0).unwrap().pem()
    }

    #[test]
    fn a_key_is_made_once_and_for_nobody_else() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("pki/node.key");
        let made = Key::read_or_make(&path).unwrap();
        let mode = fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        let read = Key::read_or_make(&path).unwrap();
        assert_eq!(
            made.0.subject_public_key_info(),
            read.0.subject_public_key_info()
        );
        assert!(made.request().unwrap().contains("CERTIFICATE REQUEST"));
    }

    #[test]
    fn a_damaged_key_is_neither_replaced_nor_quoted() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("node.key");
        fs::write(&path, "-----BEGIN PRIVATE KEY-----\nc2VjcmV0\n").unwrap();
        let Err(error) = Key::read_or_make(&path) else {
            panic!("it is taken");
        };
        let text = format!("{error:#}");
        assert!(
            text.contains("node.key") && !text.contains("c2VjcmV0"),
            "{text}"
        );
        assert!(fs::read_to_string(&path).unwrap().contains("c2VjcmV0"));
    }

    #[test]
    fn a_certificate_counts_if_it_is_of_this_node_and_its_key() {
        let directory = tempfile::tempdir().unwrap();
        let path = |name: &str| directory.path().join(name);
        let (key, other) = (
            Key::read_or_make(&path("a.key")).unwrap(),
            Key::read_or_make(&path("b.key")).unwrap(),
        );
        let node = "n17".parse().unwrap();
        let file = path("node.pem");
        assert_eq!(validity_of(&file, &node, &key), None);
        write_certificate(&file, &signed(&key, "node:n17")).unwrap();
        let found = validity_of(&file, &node, &key).unwrap();
        assert_eq!(found.to - found.from, 30 * 24 * 3600);
        assert_eq!(validity_in(&file), Some(found));
        assert_eq!(validity_of(&file, &node, &other), None);
        write_certificate(&file, &signed(&key, "node:n18")).unwrap();
        assert_eq!(validity_of(&file, &node, &key), None);
        write_certificate(&file, "nothing").unwrap();
        assert_eq!(validity_of(&file, &node, &key), None);
        assert_eq!(validity_in(&file), None);
    }
}

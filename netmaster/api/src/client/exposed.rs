//! Files with secrets that not only their owner can read.

use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use super::Credentials;

/// The permissions of a file with a secret, if others than its owner may read or change it. None of
/// what is no file, or not there: that is told when it is needed.
#[must_use]
pub fn exposed(path: &Path) -> Option<u32> {
    let metadata = std::fs::metadata(path).ok()?;
    let mode = metadata.mode() & 0o7777;
    (metadata.is_file() && mode & 0o077 != 0).then_some(mode)
}

impl Credentials {
    /// The files of them that nobody else should read.
    pub fn secrets(&self) -> impl Iterator<Item = &Path> {
        let key = self.certificate.as_ref().map(|(_, key)| key);
        key.into_iter().chain(&self.token).map(|path| &**path)
    }
}

#[cfg(test)]
mod tests {
    use std::fs::{Permissions, set_permissions};
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn a_secret_is_for_its_owner_only() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("key");
        std::fs::write(&file, "hush").unwrap();
        for (mode, expected) in [
            (0o600, None),
            (0o400, None),
            (0o640, Some(0o640)),
            (0o644, Some(0o644)),
            (0o620, Some(0o620)),
        ] {
            set_permissions(&file, Permissions::from_mode(mode)).unwrap();
            assert_eq!(exposed(&file), expected, "{mode:o}");
        }
        assert_eq!(exposed(&directory.path().join("none")), None);
        assert_eq!(exposed(directory.path()), None);
    }

    #[test]
    fn key_and_token_are_secrets_and_certificates_are_none() {
        let credentials = Credentials {
            ca: Some("/ca".into()),
            certificate: Some(("/cert".into(), "/key".into())),
            token: Some("/token".into()),
        };
        let secrets: Vec<_> = credentials.secrets().collect();
        assert_eq!(secrets, [Path::new("/key"), Path::new("/token")]);
        assert_eq!(Credentials::default().secrets().count(), 0);
    }
}

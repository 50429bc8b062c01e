//! The configuration file: contexts, each a netmaster and who one is to it.

use std::collections::BTreeMap;
use std::fmt;
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use serde::de::{self, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use trunkline_types::Name;

/// Why the configuration file cannot be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ConfigError {
    /// It is not there, although it was named.
    #[error("configuration file `{path}` does not exist: begin one with `netctl context set`")]
    Missing {
        /// The file.
        path: String,
    },
    /// It cannot be read.
    #[error("configuration file `{path}` cannot be read")]
    Read {
        /// The file.
        path: String,
        /// Why.
        source: io::Error,
    },
    /// It is not what it should be.
    #[error("configuration file `{path}` is not valid: see `docs/netctl.md` for its form")]
    Malformed {
        /// The file.
        path: String,
        /// Why.
        source: serde_norway::Error,
    },
    /// It has a token in it, and others can read it.
    #[error(
        "configuration file `{path}` has a token in it and others can read it (mode {mode:04o}): \
         `chmod 600 {path}`, have a new token made, and better use `token_file`"
    )]
    Exposed {
        /// The file.
        path: String,
        /// Its permissions.
        mode: u32,
    },
    /// It cannot be written.
    #[error("configuration file `{path}` cannot be written")]
    Write {
        /// The file.
        path: String,
        /// Why.
        source: io::Error,
    },
    /// There is no place for it.
    #[error("there is no place for a configuration file: name one with `--config`")]
    NoPlace,
    /// There is no such context.
    #[error(
        "context `{name}` does not exist: choose one of `netctl context ls`, or begin it with \
             `netctl context set {name} --server URL`"
    )]
    UnknownContext {
        /// The name.
        name: Name,
    },
}

/// What the file says.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Config {
    /// The context that is used when nothing names another.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) current: Option<Name>,
    #[serde(default)]
    pub(crate) contexts: BTreeMap<Name, Context>,
}

/// A netmaster, and who one is to it. What is absent is left to the environment and to flags.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Context {
    /// Its URL.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) server: Option<String>,
    /// The file with the certificates that sign its own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) ca: Option<PathBuf>,
    /// The file with the client's certificate.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) cert: Option<PathBuf>,
    /// The file with the key of that certificate.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) key: Option<PathBuf>,
    /// The file with the token.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) token_file: Option<PathBuf>,
    /// The token itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) token: Option<Secret>,
}

/// A text that nobody sees but the file it is written in, and netmaster.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Secret(String);

impl Secret {
    /// For netmaster only.
    pub(crate) fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

impl Serialize for Secret {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for Secret {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Text;

        // By hand: serde's own refusals quote what they refuse.
        impl Visitor<'_> for Text {
            type Value = Secret;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a token")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Secret, E> {
                Ok(Secret(text.to_owned()))
            }

            fn visit_bool<E: de::Error>(self, _: bool) -> Result<Secret, E> {
                Err(E::custom(UNQUOTED))
            }

            fn visit_i64<E: de::Error>(self, _: i64) -> Result<Secret, E> {
                Err(E::custom(UNQUOTED))
            }

            fn visit_u64<E: de::Error>(self, _: u64) -> Result<Secret, E> {
                Err(E::custom(UNQUOTED))
            }

            fn visit_f64<E: de::Error>(self, _: f64) -> Result<Secret, E> {
                Err(E::custom(UNQUOTED))
            }
        }

        const UNQUOTED: &str = "a token is text: put it in quotes";

        deserializer.deserialize_any(Text)
    }
}

/// Where the file is: as it was named, or the usual place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// It was named, so it is an error if it is not there.
    Named(PathBuf),
    /// It may be there or not.
    Usual(PathBuf),
    /// There is no home for it.
    Nowhere,
}

impl Place {
    fn path(&self) -> Option<&Path> {
        match self {
            Self::Named(path) | Self::Usual(path) => Some(path),
            Self::Nowhere => None,
        }
    }

    /// What the file says.
    pub(crate) fn read(&self) -> Result<Config, ConfigError> {
        match (self.read_if_there()?, self) {
            (None, Self::Named(path)) => Err(ConfigError::Missing {
                path: path.display().to_string(),
            }),
            (config, _) => Ok(config.unwrap_or_default()),
        }
    }

    /// What the file says; nothing if it is not there, wherever that is.
    pub(crate) fn read_if_there(&self) -> Result<Option<Config>, ConfigError> {
        let Some(path) = self.path() else {
            return Ok(None);
        };
        let shown = || path.display().to_string();
        let unreadable = |source| ConfigError::Read {
            path: shown(),
            source,
        };
        let mut file = match File::open(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            opened => opened.map_err(unreadable)?,
        };
        // Of the file that is read, not of one that has taken its place meanwhile.
        let mode = file.metadata().map_err(unreadable)?.mode() & 0o7777;
        let mut text = String::new();
        file.read_to_string(&mut text).map_err(unreadable)?;
        let config = parse(&text).map_err(|source| ConfigError::Malformed {
            path: shown(),
            source,
        })?;
        let has_token = config.contexts.values().any(|one| one.token.is_some());
        if has_token && mode & 0o077 != 0 {
            return Err(ConfigError::Exposed {
                path: shown(),
                mode,
            });
        }
        Ok(Some(config))
    }

    /// Writes the file anew, for its owner only; it is the old one or the new one at any moment. A
    /// link to it stays one.
    pub(crate) fn write(&self, config: &Config) -> Result<(), ConfigError> {
        let path = self.path().ok_or(ConfigError::NoPlace)?;
        // One that leads nowhere, or is none, is taken for the file itself.
        let file = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
        replace(&file, config).map_err(|source| ConfigError::Write {
            path: path.display().to_string(),
            source,
        })
    }
}

fn parse(text: &str) -> Result<Config, serde_norway::Error> {
    // A file with nothing but comments is `null`.
    Ok(serde_norway::from_str::<Option<Config>>(text)?.unwrap_or_default())
}

fn replace(path: &Path, config: &Config) -> io::Result<()> {
    let directory = path
        .parent()
        .filter(|parent| !parent.as_os_str().is_empty());
    if let Some(directory) = directory {
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(directory)?;
    }
    let text = serde_norway::to_string(config).map_err(io::Error::other)?;
    let mut beside = path.as_os_str().to_owned();
    beside.push(format!(".{}", std::process::id()));
    let beside = PathBuf::from(beside);
    let written = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&beside)
        .and_then(|mut file| {
            file.write_all(text.as_bytes())?;
            file.sync_all()
        })
        .and_then(|()| fs::rename(&beside, path));
    if written.is_err() {
        // The first error is the one to tell.
        let _ = fs::remove_file(&beside);
    }
    written
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    fn file(text: &str, mode: u32) -> (tempfile::TempDir, Place) {
        let place = tempfile::TempDir::new().unwrap();
        let path = place.path().join("netctl.yaml");
        fs::write(&path, text).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        (place, Place::Named(path))
    }

    const WITH_TOKEN: &str = "contexts: {lab: {server: 'http://a:1', token: hush}}";

    #[test]
    fn a_token_that_others_can_read_is_refused() {
        for mode in [0o644, 0o640, 0o604, 0o620] {
            let (_directory, place) = file(WITH_TOKEN, mode);
            let error = place.read().unwrap_err();
            assert!(matches!(error, ConfigError::Exposed { .. }), "{error}");
            let text = trunkline_types::chain(&error);
            assert!(
                text.contains("chmod 600") && !text.contains("hush"),
                "{text}"
            );
        }
        let (_directory, place) = file(WITH_TOKEN, 0o600);
        assert!(place.read().is_ok());
        let (_directory, place) = file("contexts: {lab: {token_file: /t}}", 0o644);
        assert!(place.read().is_ok());
    }

    #[test]
    fn no_message_has_the_token() {
        let (_directory, place) = file(WITH_TOKEN, 0o600);
        assert!(!format!("{:?}", place.read().unwrap()).contains("hush"));
        for bad in [
            "1234567",
            "12.34567",
            "{hush: 1234567}",
            "[1234567]",
            "true",
        ] {
            let (_directory, place) = file(&format!("contexts: {{lab: {{token: {bad}}}}}"), 0o600);
            let text = trunkline_types::chain(&place.read().unwrap_err());
            assert!(!text.contains("34567") && !text.contains("hush"), "{text}");
        }
    }

    #[test]
    fn what_is_written_is_read_back_and_for_the_owner_only() {
        let directory = tempfile::TempDir::new().unwrap();
        let path = directory.path().join("trunkline/netctl.yaml");
        let place = Place::Usual(path.clone());
        assert!(place.read().unwrap().contexts.is_empty());
        let mut config = Config::default();
        let context = Context {
            server: Some("http://a:1".to_owned()),
            token: Some(Secret("hush".to_owned())),
            ..Context::default()
        };
        config
            .contexts
            .insert("lab".parse().unwrap(), context.clone());
        place.write(&config).unwrap();
        place.write(&config).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().mode() & 0o777, 0o600);
        let lab: Name = "lab".parse().unwrap();
        assert_eq!(place.read().unwrap().contexts[&lab], context);
        assert_eq!(fs::read_dir(path.parent().unwrap()).unwrap().count(), 1);
    }

    #[test]
    fn a_link_to_the_file_stays_one() {
        let directory = tempfile::TempDir::new().unwrap();
        let file = directory.path().join("kept/netctl.yaml");
        let link = directory.path().join("netctl.yaml");
        Place::Named(file.clone())
            .write(&Config::default())
            .unwrap();
        std::os::unix::fs::symlink(&file, &link).unwrap();
        let mut config = Config::default();
        let lab: Name = "lab".parse().unwrap();
        config.contexts.insert(lab.clone(), Context::default());
        Place::Named(link.clone()).write(&config).unwrap();
        assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
        assert!(
            Place::Named(file)
                .read()
                .unwrap()
                .contexts
                .contains_key(&lab)
        );
    }

    #[test]
    fn a_file_that_was_named_has_to_be_there() {
        let directory = tempfile::TempDir::new().unwrap();
        let path = directory.path().join("netctl.yaml");
        let named = Place::Named(path.clone());
        assert!(matches!(named.read(), Err(ConfigError::Missing { .. })));
        fs::write(&path, "# nothing yet\n").unwrap();
        assert!(named.read().unwrap().contexts.is_empty());
        fs::write(&path, "colour: red\n").unwrap();
        assert!(matches!(named.read(), Err(ConfigError::Malformed { .. })));
    }
}

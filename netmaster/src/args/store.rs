//! The flags that name a store.

use std::path::PathBuf;
use std::time::Duration;

use axum::http::uri::Authority;
use clap::{Args, ValueEnum};

use super::ConfigError;
use crate::store::EtcdConfig;

/// Which store to use.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum StoreKind {
    /// A file of this process: one replica
    Embedded,
    /// etcd: any number of replicas
    Etcd,
}

/// The flags that name a store.
#[derive(Clone, Debug, Args)]
pub struct StoreArgs {
    /// Where objects are kept
    #[arg(long, value_name = "KIND", value_enum, default_value_t = StoreKind::Embedded)]
    store: StoreKind,
    /// Directory of the embedded store; created if it is not there
    ///
    /// Default: `/var/lib/trunkline/netmaster` for root, else `trunkline/netmaster` in
    /// `$XDG_DATA_HOME` or `~/.local/share`. Only one netmaster can use it at a time.
    #[arg(long, value_name = "DIRECTORY")]
    data_dir: Option<PathBuf>,
    #[command(flatten)]
    etcd: EtcdArgs,
}

/// The flags that go with `--store etcd`.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Options for --store etcd")]
struct EtcdArgs {
    /// URLs or host:port of etcd's members, with commas between them or repeated
    #[arg(long = "etcd-endpoints", value_name = "URL", value_delimiter = ',')]
    endpoints: Vec<String>,
    /// The authority that signed the members' certificates, a PEM file; without it, no TLS
    #[arg(long = "etcd-ca", value_name = "FILE")]
    ca: Option<PathBuf>,
    /// This replica's certificate towards etcd, a PEM file
    #[arg(
        long = "etcd-cert",
        value_name = "FILE",
        requires = "key",
        requires = "ca"
    )]
    certificate: Option<PathBuf>,
    /// The certificate's key, a PEM file
    #[arg(long = "etcd-key", value_name = "FILE", requires = "certificate")]
    key: Option<PathBuf>,
    /// The user towards etcd, if it asks for one
    #[arg(long = "etcd-user", value_name = "NAME", requires = "password_file")]
    user: Option<String>,
    /// The file that holds that user's password
    #[arg(long = "etcd-password-file", value_name = "FILE", requires = "user")]
    password_file: Option<PathBuf>,
    /// What all keys begin with: another one for another Trunkline in the same etcd
    #[arg(
        long = "etcd-prefix",
        value_name = "PREFIX",
        default_value = "/trunkline"
    )]
    prefix: String,
    /// Where other replicas reach this one's API
    ///
    /// Default: the first of `--listen`.
    #[arg(long, value_name = "URL")]
    advertise: Option<String>,
    /// For how many seconds a replica that gives no sign of life goes on leading: 2 to 60
    ///
    /// Shorter, and it is replaced sooner when it dies; longer, and it outlives longer pauses of
    /// its own, of etcd and of the network.
    #[arg(long, value_name = "SECONDS", default_value_t = 3,
          value_parser = clap::value_parser!(u64).range(2..=60))]
    lease_ttl: u64,
}

/// Where objects are kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StoreConfig {
    /// In a file in this directory.
    Embedded {
        /// The directory.
        data_dir: PathBuf,
    },
    /// In etcd.
    Etcd(EtcdConfig),
}

impl StoreConfig {
    /// The files of certificates that it is reached with.
    pub(super) fn certificates(&self) -> Vec<PathBuf> {
        match self {
            Self::Embedded { .. } => Vec::new(),
            Self::Etcd(config) => {
                let own = config.identity.iter().map(|(certificate, _)| certificate);
                own.chain(&config.ca).cloned().collect()
            }
        }
    }
}

impl StoreArgs {
    /// The store that they name.
    ///
    /// # Errors
    ///
    /// [`ConfigError`] if they contradict each other, or there is no place for data.
    pub fn config(&self) -> Result<StoreConfig, ConfigError> {
        match self.store {
            StoreKind::Embedded => Ok(StoreConfig::Embedded {
                data_dir: self
                    .etcd
                    .unused()
                    .and_then(|()| data_dir(self.data_dir.clone()))?,
            }),
            StoreKind::Etcd if self.data_dir.is_some() => Err(ConfigError::NotEmbedded),
            StoreKind::Etcd => Ok(StoreConfig::Etcd(self.etcd.config()?)),
        }
    }

    /// Where other replicas reach this one's API, if that is said.
    pub(super) fn advertise(&self) -> Option<&str> {
        self.etcd.advertise.as_deref()
    }
}

impl EtcdArgs {
    /// Refuses flags that the embedded store has no use for.
    fn unused(&self) -> Result<(), ConfigError> {
        let flag = match self {
            _ if !self.endpoints.is_empty() => "--etcd-endpoints",
            Self { ca: Some(_), .. } => "--etcd-ca",
            Self { user: Some(_), .. } => "--etcd-user",
            Self {
                advertise: Some(_), ..
            } => "--advertise",
            _ => return Ok(()),
        };
        Err(ConfigError::NotEtcd { flag })
    }

    fn config(&self) -> Result<EtcdConfig, ConfigError> {
        if self.endpoints.is_empty() {
            return Err(ConfigError::NoEndpoints);
        }
        if let Some(endpoint) = self
            .endpoints
            .iter()
            .find(|endpoint| !is_endpoint(endpoint))
        {
            let endpoint = endpoint.clone();
            return Err(ConfigError::Endpoint { endpoint });
        }
        let contradicts = |endpoint: &&String| match endpoint.split_once("://") {
            Some((scheme, _)) => (scheme == "https") != self.ca.is_some(),
            None => false,
        };
        if let Some(endpoint) = self.endpoints.iter().find(contradicts) {
            let endpoint = endpoint.clone();
            return Err(ConfigError::Tls { endpoint });
        }
        if !self.prefix.starts_with('/') || self.prefix.ends_with('/') {
            let prefix = self.prefix.clone();
            return Err(ConfigError::Prefix { prefix });
        }
        Ok(EtcdConfig {
            endpoints: self.endpoints.clone(),
            prefix: self.prefix.clone(),
            ca: self.ca.clone(),
            identity: self.certificate.clone().zip(self.key.clone()),
            user: self.user.clone().zip(self.password_file.clone()),
            lease: Duration::from_secs(self.lease_ttl),
            start: EtcdConfig::START,
        })
    }
}

/// Whether this is how a member of etcd is named: host and port, perhaps as a URL without a path.
fn is_endpoint(text: &str) -> bool {
    let (scheme, authority) = text.split_once("://").unwrap_or(("http", text));
    let authority = authority.strip_suffix('/').unwrap_or(authority);
    let named = |authority: &Authority| !authority.host().is_empty() && !text.contains('@');
    matches!(scheme, "http" | "https") && authority.parse().is_ok_and(|parsed| named(&parsed))
}

fn data_dir(given: Option<PathBuf>) -> Result<PathBuf, ConfigError> {
    match given {
        Some(directory) => Ok(directory),
        None => default_data_dir(
            nix::unistd::geteuid().is_root(),
            std::env::var_os("XDG_DATA_HOME").map(PathBuf::from),
            std::env::var_os("HOME").map(PathBuf::from),
        ),
    }
}

fn default_data_dir(
    root: bool,
    xdg_data_home: Option<PathBuf>,
    home: Option<PathBuf>,
) -> Result<PathBuf, ConfigError> {
    if root {
        return Ok(PathBuf::from("/var/lib/trunkline/netmaster"));
    }
    // The XDG specification has relative paths ignored.
    xdg_data_home
        .filter(|path| path.is_absolute())
        .or_else(|| {
            home.filter(|path| path.is_absolute())
                .map(|home| home.join(".local/share"))
        })
        .map(|data| data.join("trunkline/netmaster"))
        .ok_or(ConfigError::NoHome)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn data_goes_where_the_system_wants_it() {
        let path = |text: &str| Some(PathBuf::from(text));
        let dir = |root, xdg, home| default_data_dir(root, xdg, home);
        assert_eq!(
            dir(true, path("/x"), path("/h")),
            Ok("/var/lib/trunkline/netmaster".into())
        );
        assert_eq!(
            dir(false, path("/x"), path("/h")),
            Ok("/x/trunkline/netmaster".into())
        );
        assert_eq!(
            dir(false, path("relative"), path("/h")),
            Ok("/h/.local/share/trunkline/netmaster".into())
        );
        assert_eq!(dir(false, None, None), Err(ConfigError::NoHome));
    }
}

//! The command line.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args as ClapArgs, Parser, Subcommand, ValueEnum};

use crate::server::Limits;
use crate::store::EtcdConfig;

/// Trunkline's control plane: owns networks, subnets and addresses
#[derive(Debug, Parser)]
#[command(name = "netmaster", version)]
pub struct Args {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// What netmaster can do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Serve the API
    ///
    /// Works with no flag. Once requests are served, prints one line `listening on <URL>` per
    /// address on standard output. Logs to standard error what the environment variable
    /// TRUNKLINE_LOG asks for: a level, or one per module (default: info). Ends on SIGTERM and
    /// SIGINT, when the requests under way are answered.
    ///
    /// Everything that was acknowledged is on disk, and outlives a crash at any moment.
    ///
    /// One replica: the default. It keeps its data in a file of its own (`--data-dir`), which one
    /// process can use at a time.
    ///
    /// Several replicas, three as a rule: the same etcd for all of them (`--store etcd`). One
    /// leads, and writes; the others answer reads and watches from memory, and take over within
    /// seconds when it goes. Each needs an address at which the others reach it (`--advertise`).
    /// Give etcd `--auto-compaction-retention=1h`: netmaster does not compact it.
    #[command(after_help = SERVE_EXAMPLES)]
    Serve(ServeArgs),
}

const SERVE_EXAMPLES: &str = "\
Examples:
  One replica, with its data in a file:
    netmaster serve
    netmaster serve --listen 127.0.0.1:9630 --listen [::1]:9630
    TRUNKLINE_LOG=debug netmaster serve --data-dir /srv/netmaster

  Three replicas on an etcd of three members, with TLS and a user; this on the first, and on the
  others the same with their own address:
    netmaster serve --store etcd \\
      --etcd-endpoints https://etcd1:2379,https://etcd2:2379,https://etcd3:2379 \\
      --etcd-ca /etc/trunkline/etcd-ca.pem \\
      --etcd-cert /etc/trunkline/etcd.pem --etcd-key /etc/trunkline/etcd.key \\
      --etcd-user netmaster --etcd-password-file /etc/trunkline/etcd-password \\
      --listen 10.0.0.11:9630 --allow-plaintext
  That user needs to read and write what begins with `/trunkline/`:
    etcdctl role add netmaster
    etcdctl role grant-permission netmaster readwrite /trunkline/ --prefix
    etcdctl user add netmaster
    etcdctl user grant-role netmaster netmaster

Exit codes: 0 ended by a signal, 1 failed, 2 wrong usage";

/// Which store to use.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum StoreKind {
    /// A file of this process: one replica
    Embedded,
    /// etcd: any number of replicas
    Etcd,
}

/// The flags of `netmaster serve`, as given.
#[derive(Debug, ClapArgs)]
pub struct ServeArgs {
    /// Address and port to serve on; may be repeated. Port 0 takes any free port
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:9630")]
    listen: Vec<SocketAddr>,
    /// Serve on other than loopback addresses, though nothing is encrypted or authenticated
    ///
    /// There is no TLS yet: whoever can reach the address can do everything.
    #[arg(long)]
    allow_plaintext: bool,
    /// Watches that are served at a time; more are refused, and may try again
    #[arg(
        long,
        value_name = "COUNT",
        default_value_t = 20_000,
        value_parser = clap::value_parser!(u32).range(1..=1_000_000)
    )]
    max_watches: u32,
    /// Connections that are served at a time; more wait to be accepted
    ///
    /// Each takes a file descriptor, see `ulimit -n`.
    #[arg(
        long,
        value_name = "COUNT",
        default_value_t = 30_000,
        value_parser = clap::value_parser!(u32).range(1..=1_000_000)
    )]
    max_connections: u32,
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

/// The flags of `netmaster serve --store etcd`.
#[derive(Debug, ClapArgs)]
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

/// What `netmaster serve` needs to know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServeConfig {
    /// Where to serve; at least one.
    pub listen: Vec<SocketAddr>,
    /// The store.
    pub store: StoreConfig,
    /// Where other replicas reach this one's API; `None` for the first address.
    pub advertise: Option<String>,
    /// How much is served at a time.
    pub limits: Limits,
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

/// Flags that make no sense together or here.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ConfigError {
    /// The API would be open to the network.
    #[error(
        "listen address `{address}` can be reached from other machines, and there is no TLS yet: \
         use a loopback address, or add `--allow-plaintext` if the network is trusted"
    )]
    Plaintext {
        /// The address.
        address: SocketAddr,
    },
    /// There is no place for data.
    #[error("neither XDG_DATA_HOME nor HOME is set: name the data directory with `--data-dir`")]
    NoHome,
    /// etcd is asked for, and not named.
    #[error("`--store etcd` needs to know where etcd is: name its members with `--etcd-endpoints`")]
    NoEndpoints,
    /// etcd is named, and not asked for.
    #[error("`{flag}` is of no use to the embedded store: add `--store etcd`, or leave it out")]
    NotEtcd {
        /// The flag.
        flag: &'static str,
    },
    /// A directory is named for a store that has none.
    #[error("`--data-dir` is of no use with `--store etcd`: leave it out")]
    NotEmbedded,
    /// TLS is asked for, and nobody to trust named, or the other way round.
    #[error(
        "etcd endpoint `{endpoint}` does not go with `--etcd-ca`: use `https` and name the \
         authority, or `http` and do not"
    )]
    Tls {
        /// The endpoint.
        endpoint: String,
    },
    /// A prefix that is none.
    #[error("etcd prefix `{prefix}` is not valid: it begins with `/` and does not end with it")]
    Prefix {
        /// The prefix.
        prefix: String,
    },
    /// Other replicas cannot reach this one.
    #[error(
        "other replicas cannot reach this one at `{address}`: name the address at which they can \
         with `--advertise`"
    )]
    Advertise {
        /// The first address.
        address: SocketAddr,
    },
}

impl ServeArgs {
    /// The flags with their defaults, checked.
    ///
    /// # Errors
    ///
    /// [`ConfigError`] if an address would be open to the network without leave, or there is no
    /// place for data.
    pub fn config(self) -> Result<ServeConfig, ConfigError> {
        let open = |address: &&SocketAddr| !address.ip().is_loopback();
        if let Some(&address) = self.listen.iter().find(open)
            && !self.allow_plaintext
        {
            return Err(ConfigError::Plaintext { address });
        }
        let store = match self.store {
            StoreKind::Embedded => StoreConfig::Embedded {
                data_dir: self.etcd.unused().and_then(|()| data_dir(self.data_dir))?,
            },
            StoreKind::Etcd if self.data_dir.is_some() => return Err(ConfigError::NotEmbedded),
            StoreKind::Etcd => {
                let unreachable = |address: &&SocketAddr| address.ip().is_unspecified();
                let first = self.listen.first().filter(unreachable);
                if let (Some(&address), None) = (first, &self.etcd.advertise) {
                    return Err(ConfigError::Advertise { address });
                }
                StoreConfig::Etcd(self.etcd.config()?)
            }
        };
        Ok(ServeConfig {
            listen: self.listen,
            store,
            advertise: self.etcd.advertise,
            limits: Limits {
                watches: usize::try_from(self.max_watches).unwrap_or(usize::MAX),
                connections: usize::try_from(self.max_connections).unwrap_or(usize::MAX),
            },
        })
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
        })
    }
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

    fn config(flags: &[&str]) -> Result<ServeConfig, ConfigError> {
        let flags = ["netmaster", "serve"].iter().chain(flags);
        let Command::Serve(args) = Args::try_parse_from(flags).unwrap().command;
        args.config()
    }

    fn etcd(flags: &[&str]) -> Result<EtcdConfig, ConfigError> {
        let flags = [&["--store", "etcd"], flags].concat();
        match config(&flags)?.store {
            StoreConfig::Etcd(config) => Ok(config),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn etcd_is_used_as_the_flags_say() {
        let flags = [
            "--etcd-endpoints",
            "https://a:2379,b:2379",
            "--etcd-endpoints=c:2379",
            "--etcd-ca=/ca",
            "--etcd-cert=/cert",
            "--etcd-key=/key",
            "--etcd-user=netmaster",
            "--etcd-password-file=/password",
            "--lease-ttl=5",
        ];
        let expected = EtcdConfig {
            endpoints: ["https://a:2379", "b:2379", "c:2379"]
                .map(str::to_owned)
                .into(),
            prefix: "/trunkline".to_owned(),
            ca: Some("/ca".into()),
            identity: Some(("/cert".into(), "/key".into())),
            user: Some(("netmaster".to_owned(), "/password".into())),
            lease: Duration::from_secs(5),
        };
        assert_eq!(etcd(&flags), Ok(expected));
        assert_eq!(
            etcd(&["--etcd-endpoints=a:2379"]).unwrap().lease,
            Duration::from_secs(3)
        );
    }

    #[test]
    fn flags_that_contradict_each_other_are_refused_by_name() {
        let a = "--etcd-endpoints=http://a:2379";
        for (flags, text) in [
            (&["--store=etcd"][..], "--etcd-endpoints"),
            (&["--store=etcd", a, "--data-dir=/d"], "--data-dir"),
            (&["--store=etcd", a, "--etcd-ca=/ca"], "`http://a:2379`"),
            (
                &["--store=etcd", "--etcd-endpoints=https://a"],
                "`https://a`",
            ),
            (&["--store=etcd", a, "--etcd-prefix=rooms"], "`rooms`"),
            (&["--store=etcd", a, "--etcd-prefix=/rooms/"], "`/rooms/`"),
            (
                &["--store=etcd", a, "--listen=0.0.0.0:1", "--allow-plaintext"],
                "--advertise",
            ),
            (&[a], "--store etcd"),
            (&["--advertise=http://a"], "--store etcd"),
        ] {
            let error = config(flags).unwrap_err().to_string();
            assert!(error.contains(text), "{flags:?}: {error}");
        }
    }

    #[test]
    fn half_a_pair_is_wrong_usage() {
        for flags in [
            "--etcd-cert=/c",
            "--etcd-key=/k",
            "--etcd-user=u",
            "--etcd-password-file=/p",
            "--lease-ttl=1",
        ] {
            let flags = [
                "netmaster",
                "serve",
                "--store=etcd",
                "--etcd-endpoints=a",
                flags,
            ];
            assert!(Args::try_parse_from(flags).is_err(), "{flags:?}");
        }
    }

    #[test]
    fn without_flags_only_this_machine_is_served() {
        let config = config(&[]).unwrap();
        assert_eq!(config.listen, ["127.0.0.1:9630".parse().unwrap()]);
    }

    #[test]
    fn an_open_address_needs_leave() {
        let both = ["--listen", "127.0.0.1:1", "--listen", "10.0.0.1:9630"];
        let error = config(&both).unwrap_err().to_string();
        assert!(
            error.contains("`10.0.0.1:9630`")
                && error.contains("no TLS")
                && error.contains("--allow-plaintext"),
            "{error}"
        );
        let leave = [&both[..], &["--allow-plaintext"]].concat();
        assert_eq!(config(&leave).unwrap().listen.len(), 2);
        assert!(config(&["--listen", "[::]:9630"]).is_err());
        assert!(config(&["--listen", "[::1]:9630"]).is_ok());
    }

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

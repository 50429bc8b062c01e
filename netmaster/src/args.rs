//! The command line.

mod join;
mod store;
mod sweeper;
mod tls;

use std::net::SocketAddr;

use clap::{Args as ClapArgs, Parser, Subcommand};

use crate::backup::{BackupArgs, RestoreArgs};
use crate::certs::CertsArgs;
use crate::orchestrator::KubernetesArgs;
use crate::server::{Limits, ServeOptions};

pub use join::JoinArgs;
pub use store::{StoreArgs, StoreConfig};
pub use sweeper::SweeperArgs;
pub use tls::{CredentialArgs, TlsArgs};

/// Trunkline's control plane: owns networks, subnets and addresses
#[derive(Debug, Parser)]
#[command(name = "netmaster", version, after_help = EXAMPLES)]
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
    Serve(Box<ServeArgs>),
    /// Write all that netmaster keeps to a file
    ///
    /// Asks the netmaster that runs, whatever its store; it goes on working meanwhile. The file is
    /// one moment of the store. It gets its name when it is whole and checked, and only its owner
    /// can read it.
    #[command(after_help = BACKUP_EXAMPLES)]
    Backup(BackupArgs),
    /// Put a back-up into an empty store
    ///
    /// No netmaster may use the store meanwhile. A new epoch begins: subnets hand out nothing until
    /// the nodes of their racks have reported what they hold, for what was handed out after the
    /// back-up was made is not in it. See with `netctl status` whose reports are awaited, and say
    /// which of those nodes are dead with `netctl node waive NAME`.
    #[command(after_help = RESTORE_EXAMPLES)]
    Restore(RestoreArgs),
    /// Make certificates, for those who have no authority of their own
    ///
    /// Asks no netmaster: it works on files.
    #[command(after_help = CERTS_EXAMPLES)]
    Certs(CertsArgs),
}

/// The common ways to run it. `\` at the end of a line goes on with the next one.
const EXAMPLES: &str = "\
One replica, with its data in a file of its own:
  netmaster serve

Three replicas on an etcd of three members, with TLS towards etcd and for everybody who asks; on
each its own address and certificate, as `netmaster certs` makes them:
  netmaster serve --store etcd \\
    --etcd-endpoints https://etcd1:2379,https://etcd2:2379,https://etcd3:2379 \\
    --etcd-ca /etc/trunkline/etcd-ca.pem \\
    --etcd-cert /etc/trunkline/etcd.pem --etcd-key /etc/trunkline/etcd.key \\
    --listen 10.0.0.11:9630 --tls-client-ca /etc/trunkline/ca.pem \\
    --tls-cert /etc/trunkline/replica-netmaster-1.pem \\
    --tls-key /etc/trunkline/replica-netmaster-1.key

Certificates, for those who have no authority of their own:
  netmaster certs init
  netmaster certs issue replica:netmaster-1 --san 10.0.0.11

Back-up, of whatever store, while netmaster runs:
  netmaster backup /var/backups/netmaster.backup
  netmaster backup --server https://10.0.0.11:9630 --ca /etc/trunkline/ca.pem \\
    --cert admin-root.pem --key admin-root.key netmaster.backup

Restore, while no replica runs; the store has to be empty. A new epoch begins: nodes report what
they hold before their subnets hand out addresses again:
  netmaster restore /var/backups/netmaster.backup
  netmaster restore /var/backups/netmaster.backup --store etcd \\
    --etcd-endpoints https://etcd1:2379 --etcd-ca /etc/trunkline/etcd-ca.pem \\
    --etcd-cert /etc/trunkline/etcd.pem --etcd-key /etc/trunkline/etcd.key

`netmaster <command> --help` says more of each.";

const CERTS_EXAMPLES: &str = "\
Examples:
  netmaster certs init
  netmaster certs issue replica:netmaster-1 --san netmaster-1.example --san 10.0.0.11
  netmaster certs issue admin:root
  netmaster certs issue node:n17 --out /tmp/n17
  netmaster certs rotate
  netmaster certs revoke /tmp/n17/node-n17.pem

Exit codes: 0 done, 1 failed, 2 wrong usage";

const BACKUP_EXAMPLES: &str = "\
Examples:
  netmaster backup /var/backups/netmaster-$(date +%F)
  netmaster backup --server https://10.0.0.11:9630 --ca ca.pem --cert admin-root.pem \\
      --key admin-root.key netmaster.backup

Exit codes: 0 written, 1 failed, 2 wrong usage";

const RESTORE_EXAMPLES: &str = "\
Examples:
  netmaster restore /var/backups/netmaster-2026-05-01
  netmaster restore netmaster.backup --store etcd --etcd-endpoints http://10.0.0.11:2379

Exit codes: 0 restored, 1 failed, 2 wrong usage";

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
      --listen 10.0.0.11:9630 --tls-client-ca /etc/trunkline/ca.pem \\
      --tls-cert /etc/trunkline/replica-netmaster-1.pem \\
      --tls-key /etc/trunkline/replica-netmaster-1.key
  That user needs to read and write what begins with `/trunkline/`:
    etcdctl role add netmaster
    etcdctl role grant-permission netmaster readwrite /trunkline/ --prefix
    etcdctl user add netmaster
    etcdctl user grant-role netmaster netmaster

Exit codes: 0 ended by a signal, 1 failed, 2 wrong usage";

/// The flags of `netmaster serve`, as given.
#[derive(Debug, ClapArgs)]
pub struct ServeArgs {
    /// Address and port to serve on; may be repeated. Port 0 takes any free port
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:9630")]
    listen: Vec<SocketAddr>,
    /// Serve on other than loopback addresses without TLS: nothing is encrypted, and whoever can
    /// reach the address can do everything
    ///
    /// For networks where everybody is trusted with everything. On a loopback address whoever is on
    /// the machine is an administrator, too.
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
    /// Connections that are served at a time
    ///
    /// With TLS, half of them are for clients that have shown neither a certificate nor a token; of
    /// more, the oldest is closed. Once all are taken by others, more wait to be accepted. Each
    /// takes a file descriptor, and on a follower another one for every two of them is kept for what
    /// it passes on: see `ulimit -n`.
    #[arg(
        long,
        value_name = "COUNT",
        default_value_t = 30_000,
        value_parser = clap::value_parser!(u32).range(1..=1_000_000)
    )]
    max_connections: u32,
    /// Connections of one address (IPv6: of one /64) that have shown neither a certificate nor a
    /// token; of more, the oldest is closed
    ///
    /// Without TLS there is no such limit.
    #[arg(
        long,
        value_name = "COUNT",
        default_value_t = 256,
        value_parser = clap::value_parser!(u32).range(1..=1_000_000)
    )]
    max_connections_each: u32,
    /// Connections that one identity may have at a time; of more, the oldest is closed
    ///
    /// Half of all connections are the most. Replicas are not counted, and without TLS there are no
    /// identities, and no such limit.
    #[arg(
        long,
        value_name = "COUNT",
        default_value_t = 1000,
        value_parser = clap::value_parser!(u32).range(1..=1_000_000)
    )]
    max_connections_of_identity: u32,
    /// Watches that one identity may have at a time; more are refused
    ///
    /// Without TLS there are no identities, and no such limit.
    #[arg(
        long,
        value_name = "COUNT",
        default_value_t = 100,
        value_parser = clap::value_parser!(u32).range(1..=1_000_000)
    )]
    max_watches_each: u32,
    /// Requests per second of one identity, or of one address that shows none; more are refused
    ///
    /// Ten times as many may come at once. Without TLS there is no such limit.
    #[arg(
        long,
        value_name = "COUNT",
        default_value_t = 200,
        value_parser = clap::value_parser!(u32).range(1..=1_000_000)
    )]
    max_rate: u32,
    #[command(flatten)]
    tls: TlsArgs,
    #[command(flatten)]
    store: StoreArgs,
    #[command(flatten)]
    sweeper: SweeperArgs,
    #[command(flatten)]
    kubernetes: KubernetesArgs,
    #[command(flatten)]
    join: JoinArgs,
}

/// What `netmaster serve` needs to know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServeConfig {
    /// Where to serve; at least one.
    pub listen: Vec<SocketAddr>,
    /// The store.
    pub store: StoreConfig,
    /// How, beside that.
    pub options: ServeOptions,
}

/// Flags that make no sense together or here.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ConfigError {
    /// The API would be open to the network.
    #[error(
        "listen address `{address}` can be reached from other machines, and there is no TLS: \
         name a certificate with `--tls-cert`, `--tls-key` and `--tls-client-ca`, use a loopback \
         address, or add `--allow-plaintext` if everybody on the network is trusted"
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
    /// An endpoint that is none.
    #[error(
        "etcd endpoint `{endpoint}` is not valid: write it like `https://etcd1:2379` or `etcd1:2379`"
    )]
    Endpoint {
        /// The endpoint.
        endpoint: String,
    },
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
        let tls = self.tls.files();
        if let Some(&address) = self.listen.iter().find(open)
            && tls.is_none()
            && !self.allow_plaintext
        {
            return Err(ConfigError::Plaintext { address });
        }
        let store = self.store.config()?;
        let advertise = self.store.advertise();
        let unreachable = |address: &&SocketAddr| address.ip().is_unspecified();
        if let StoreConfig::Etcd(_) = store
            && let Some(&address) = self.listen.first().filter(unreachable)
            && advertise.is_none()
        {
            return Err(ConfigError::Advertise { address });
        }
        let (sweeper, policy) = self.sweeper.config();
        Ok(ServeConfig {
            listen: self.listen,
            options: ServeOptions {
                advertise: advertise.map(str::to_owned),
                sweeper,
                policy,
                kubernetes: self.kubernetes,
                authority: self.join.authority(),
                limits: Limits {
                    watches: usize::try_from(self.max_watches).unwrap_or(usize::MAX),
                    connections: usize::try_from(self.max_connections).unwrap_or(usize::MAX),
                    connections_each: usize::try_from(self.max_connections_each)
                        .unwrap_or(usize::MAX),
                    connections_of_identity: usize::try_from(self.max_connections_of_identity)
                        .unwrap_or(usize::MAX),
                    watches_each: usize::try_from(self.max_watches_each).unwrap_or(usize::MAX),
                    rate: self.max_rate,
                    // As many as there are file descriptors for, which is found out later.
                    ..Limits::default()
                },
                cluster: self.tls.cluster(),
                certificates: store.certificates(),
                tls,
            },
            store,
        })
    }
}

#[cfg(test)]
mod tests;

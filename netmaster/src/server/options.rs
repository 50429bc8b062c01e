//! How the API is to be served.

use std::collections::BTreeSet;
use std::path::PathBuf;

use trunkline_ipam::Policy;
use trunkline_netmaster_api::Credentials;

use crate::connections::Deadlines;
use crate::join::NodeAuthority;
use crate::orchestrator::KubernetesArgs;
use crate::sweeper::SweeperConfig;
use crate::tls::TlsFiles;

/// How much is served at a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// How many watches; more are refused.
    pub watches: usize,
    /// How many connections. Half of them are for those of whom nothing says who they are; of more,
    /// the oldest is closed. When all are taken by others, more wait to be accepted.
    pub connections: usize,
    /// How many connections of one address (IPv6: one /64) of which nothing says who that is; of
    /// more, the oldest is closed.
    pub connections_each: usize,
    /// How many connections of one identity, and not more than half of all; of more, the oldest is
    /// closed.
    pub connections_of_identity: usize,
    /// How many requests that a follower has passed on to the leader; more wait a moment, and are
    /// refused then.
    pub forwarded: usize,
    /// How many watches of one identity; more are refused.
    pub watches_each: usize,
    /// How many requests of one identity in a second, and ten times as many at once; more are
    /// refused.
    pub rate: u32,
    /// How long clients may take.
    pub deadlines: Deadlines,
}

impl Default for Limits {
    /// Room for ten thousand agents, each with a few watches, and for those of a replica that died.
    fn default() -> Self {
        Self {
            watches: 20_000,
            connections: 30_000,
            connections_each: 256,
            connections_of_identity: 1000,
            forwarded: 15_000,
            watches_each: 100,
            rate: 200,
            deadlines: Deadlines::default(),
        }
    }
}

/// How to serve, beside where.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ServeOptions {
    /// Where other replicas reach this one's API; `None` for the first address.
    pub advertise: Option<String>,
    /// When the leader does what it does unasked, and by what limits.
    pub sweeper: SweeperConfig,
    /// The times and shares that decisions go by.
    pub policy: Policy,
    /// Whether Kubernetes has a say, and how it is reached.
    pub kubernetes: KubernetesArgs,
    /// How much is served at a time.
    pub limits: Limits,
    /// What signs certificates of nodes that join; `None` if nothing does.
    pub authority: Option<NodeAuthority>,
    /// The certificates to serve with; `None` for no TLS.
    pub tls: Option<TlsFiles>,
    /// What other replicas are asked with.
    pub cluster: Credentials,
    /// Files of certificates that something else is done with, as the store, for the metrics to tell
    /// when they end.
    pub certificates: Vec<PathBuf>,
}

impl ServeOptions {
    /// The files of all certificates that are in use, each once.
    pub(super) fn certificates(&self) -> Vec<PathBuf> {
        let tls = self.tls.iter();
        let served = tls.flat_map(|tls| [&tls.certificate, &tls.client_ca]);
        let shown = self.cluster.certificate.iter().map(|(file, _)| file);
        let signing = self
            .authority
            .iter()
            .map(|authority| &authority.certificate);
        let files = served.chain(shown).chain(&self.cluster.ca).chain(signing);
        let files: BTreeSet<&PathBuf> = files.chain(&self.certificates).collect();
        files.into_iter().cloned().collect()
    }
}

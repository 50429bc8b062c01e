//! The flags about certificates for nodes.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;

use crate::join::NodeAuthority;

/// In seconds.
const DAY: u64 = 24 * 3600;

/// What signs certificates for nodes that join.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Options about nodes that join")]
pub struct JoinArgs {
    /// The authority's certificate in PEM, to issue certificates to nodes that join
    ///
    /// Without it, nodes need certificates from elsewhere, as of `netmaster certs issue`. A node
    /// joins with a token of `netctl token create --role node`, and renews its certificate by
    /// itself. The authority has to be among those of `--tls-client-ca`.
    #[arg(long, value_name = "FILE", requires = "node_ca_key")]
    node_ca_cert: Option<PathBuf>,
    /// The authority's private key in PEM
    #[arg(long, value_name = "FILE", requires = "node_ca_cert")]
    node_ca_key: Option<PathBuf>,
    /// For how many seconds a node's certificate is good; netplugin renews it when a third is left
    ///
    /// The default is 30 days. Nodes that are off for longer have to join again.
    #[arg(long, value_name = "SECONDS", default_value_t = 30 * DAY, requires = "node_ca_cert",
          value_parser = clap::value_parser!(u64).range(60..=825 * DAY))]
    node_cert_life: u64,
}

impl JoinArgs {
    /// What signs; none if nothing does.
    pub(super) fn authority(&self) -> Option<NodeAuthority> {
        Some(NodeAuthority {
            certificate: self.node_ca_cert.clone()?,
            key: self.node_ca_key.clone()?,
            life: Duration::from_secs(self.node_cert_life),
        })
    }
}

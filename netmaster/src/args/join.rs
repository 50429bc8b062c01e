//! The flags about certificates for nodes.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;

use crate::join::NodeAuthority;

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
    /// How many days a node's certificate is good; it is renewed when a third of them is left
    #[arg(long, value_name = "DAYS", default_value_t = 30, requires = "node_ca_cert",
          value_parser = clap::value_parser!(u16).range(1..=825))]
    node_cert_days: u16,
}

impl JoinArgs {
    /// What signs; none if nothing does.
    pub(super) fn authority(&self) -> Option<NodeAuthority> {
        Some(NodeAuthority {
            certificate: self.node_ca_cert.clone()?,
            key: self.node_ca_key.clone()?,
            life: Duration::from_secs(u64::from(self.node_cert_days) * 24 * 3600),
        })
    }
}

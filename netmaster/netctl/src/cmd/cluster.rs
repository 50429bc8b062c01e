//! `netctl cluster …`

use clap::Subcommand;
use trunkline_netmaster_api::Cluster;

use crate::failure::Failure;
use crate::render::{Cell, joined, or_absent, pairs, plain, utc};
use crate::session::Session;

#[derive(Subcommand)]
pub(crate) enum Verb {
    /// Show which cluster it is, who leads, and whose reports are awaited after a restore
    Show,
}

impl Verb {
    pub(crate) async fn run(self, session: &Session) -> Result<(), Failure> {
        let Self::Show = self;
        let cluster = session.wait(session.client.cluster()).await?;
        let people = || pairs(details(&cluster), session.output.colours);
        let name = || Ok(format!("{}\n", cluster.id));
        session.output.value(&cluster, people, name)
    }
}

fn details(cluster: &Cluster) -> Vec<(&'static str, Cell)> {
    let awaiting = cluster.awaiting.iter();
    let awaiting = awaiting.map(|one| format!("{} (rack {})", one.node, one.rack));
    vec![
        ("id", plain(&cluster.id)),
        ("epoch", plain(cluster.epoch)),
        ("since", utc(cluster.since)),
        ("revision", plain(cluster.revision)),
        ("leads", plain(if cluster.leading { "yes" } else { "no" })),
        ("leader", or_absent(cluster.leader.as_ref())),
        ("version", plain(&cluster.version)),
        (
            "awaiting",
            joined(awaiting).alarming_if(!cluster.awaiting.is_empty()),
        ),
    ]
}

//! `netctl version`

use clap::Args;
use serde::Serialize;

use crate::failure::Failure;
use crate::render::{no_name, pairs, plain};
use crate::session::Session;

/// Print the versions of netctl and netmaster
#[derive(Args)]
pub(crate) struct Version {
    /// Only netctl's; netmaster is not asked
    #[arg(long)]
    client: bool,
}

#[derive(Serialize)]
struct Versions {
    netctl: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    netmaster: Option<String>,
}

impl Version {
    pub(crate) async fn run(self, session: &Session) -> Result<(), Failure> {
        let asked = match self.client {
            true => Ok(None),
            false => session.wait(session.client.cluster()).await.map(Some),
        };
        // netctl's own is told in any case.
        let (netmaster, failure) = match asked {
            Ok(cluster) => (cluster.map(|cluster| cluster.version), None),
            Err(failure) => (None, Some(failure)),
        };
        let versions = Versions {
            netctl: env!("CARGO_PKG_VERSION"),
            netmaster,
        };
        let people = || {
            let mut rows = vec![("netctl", plain(versions.netctl))];
            rows.extend(
                versions
                    .netmaster
                    .iter()
                    .map(|one| ("netmaster", plain(one))),
            );
            pairs(rows, session.output.colours)
        };
        session
            .output
            .value(&versions, people, || Err(no_name("version")))?;
        failure.map_or(Ok(()), Err)
    }
}

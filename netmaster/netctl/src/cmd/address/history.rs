//! Who had an address.

use std::net::IpAddr;

use clap::Args;
use trunkline_netmaster_api::{AddressHistory, Holding};

use crate::failure::Failure;
use crate::render::{ABSENT, Cell, Table, no_name, or_absent, pairs, plain, utc};
use crate::session::Session;

#[derive(Args)]
pub(crate) struct History {
    /// The address
    ip: IpAddr,
}

impl History {
    pub(super) async fn run(self, session: &Session) -> Result<(), Failure> {
        let call = session.client.address_history(self.ip, None);
        let history = session.wait(call).await?;
        let colours = session.output.colours;
        let people = || table(&history).text(colours);
        let no_name = || Err(no_name("address history"));
        session.output.value(&history, people, no_name)
    }
}

fn table(history: &AddressHistory) -> Table {
    let mut table = Table::with(&[
        "from",
        "to",
        "pod",
        "node",
        "network",
        "attachment",
        "reason",
    ]);
    for holding in &history.items {
        table.push(vec![
            utc(holding.from),
            ended(holding),
            or_absent(holding.pod.as_ref()),
            plain(&holding.node),
            plain(&holding.network),
            or_absent(holding.attachment.as_ref()),
            or_absent(holding.reason.as_ref()),
        ]);
    }
    table
}

fn ended(holding: &Holding) -> Cell {
    holding.to.map_or_else(|| plain(ABSENT), utc)
}

/// Prints who had an address at a time.
pub(super) async fn show_at(session: &Session, ip: IpAddr, at: &str) -> Result<(), Failure> {
    let call = session.client.address_history(ip, Some(at));
    let history = session.wait(call).await?;
    let people = || match history.items.as_slice() {
        [] => format!("nobody had address {ip} then\n"),
        holdings => {
            let holdings = holdings.iter();
            holdings
                .map(|holding| pairs(details(ip, holding), session.output.colours))
                .collect()
        }
    };
    session
        .output
        .value(&history, people, || Err(no_name("address show --at")))
}

fn details(ip: IpAddr, holding: &Holding) -> Vec<(&'static str, Cell)> {
    vec![
        ("address", plain(ip)),
        ("pod", or_absent(holding.pod.as_ref())),
        ("attachment", or_absent(holding.attachment.as_ref())),
        ("node", plain(&holding.node)),
        ("network", plain(&holding.network)),
        ("mac", or_absent(holding.mac.as_ref())),
        ("from", utc(holding.from)),
        ("to", ended(holding)),
        ("reason", or_absent(holding.reason.as_ref())),
    ]
}

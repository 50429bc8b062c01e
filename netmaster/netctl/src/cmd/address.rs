//! `netctl address …`

mod history;

use std::net::IpAddr;

use clap::{Args, Subcommand};
use trunkline_netmaster_api::{Address, AddressRelease, AddressState};

use crate::failure::Failure;
use crate::noun::{Ls, Noun};
use crate::render::{ABSENT, Column, Shown, or_absent, plain, utc};
use crate::session::Session;
use history::History;

impl Noun for Address {
    const NAME: &'static str = "address";
    const PLURAL: &'static str = "addresses";
    const KEY: (&'static str, &'static str) = ("IP", "The address");
    const FIELDS: &'static [&'static str] = &[
        "ip",
        "subnet",
        "network",
        "state",
        "node",
        "attachment",
        "pod",
        "reservation",
    ];
    const HAS_LABELS: bool = false;
    const COLUMNS: &'static [Column<Self>] = &[
        Column::new("address", Shown::Always, |one| plain(one.ip)),
        Column::new("state", Shown::Always, |one| {
            plain(one.state.as_str()).alarming_if(one.state == AddressState::Conflict)
        }),
        Column::new("network", Shown::Always, |one| plain(&one.network)),
        Column::new("subnet", Shown::Always, |one| plain(&one.subnet)),
        Column::new("pod", Shown::Always, |one| or_absent(one.pod.as_ref())),
        Column::new("node", Shown::Always, |one| or_absent(one.node.as_ref())),
        Column::new("attachment", Shown::Wide, |one| {
            or_absent(one.attachment.as_ref())
        }),
        Column::new("reservation", Shown::Wide, |one| {
            or_absent(one.reservation.as_ref())
        }),
        Column::new("conflict", Shown::Wide, |one| {
            let text = one.conflict.as_ref().map(|conflict| {
                let seen = utc(conflict.seen).text;
                format!("{}, seen by {} at {seen}", conflict.mac, conflict.node)
            });
            or_absent(text.as_ref()).alarming_if(text.is_some())
        }),
        Column::new("since", Shown::Always, |one| {
            one.since.map_or_else(|| plain(ABSENT), utc)
        }),
        Column::new("revision", Shown::Wide, |one| plain(one.revision)),
    ];

    fn key(&self) -> IpAddr {
        self.ip
    }
}

#[derive(Subcommand)]
pub(crate) enum Verb {
    /// List addresses that are or were handed out
    ///
    /// States: bound (an endpoint has it), leased (a node's reserve), node (a node's own), reserved,
    /// excluded, cooling (for its last owner yet), conflict (a foreign machine answers for it), free.
    Ls(Ls<Address>),
    /// Show who has an address
    ///
    /// Any address of a subnet, handed out or not; with --at who had it then.
    #[command(after_help = "Examples:\n  netctl address show 10.1.0.10\n  \
                            netctl address show 10.1.0.10 --at 2026-05-01T12:00:00Z")]
    Show(Show),
    /// Show who had an address, from the first time that is known, and why it was taken back
    History(History),
    /// Take an address from whoever has it
    ///
    /// Refused while its holder may live: its node was heard lately, has the interface or the
    /// container by its last report, or the orchestrator has the pod there. Delete the pod then. An
    /// endpoint goes with all its addresses.
    #[command(after_help = "Example:\n  \
                            netctl address release 10.1.0.10 --reason \"node burnt down\"")]
    Release(Release),
    /// Say that no foreign machine answers for an address any more
    ///
    /// It is handed out again. A node looks first, in any case.
    Clear(Clear),
}

#[derive(Args)]
pub(crate) struct Show {
    /// The address
    ip: IpAddr,
    /// Who had it at this time: like 2026-05-01T12:00:00Z, or seconds since 1970
    #[arg(long, value_name = "TIME")]
    at: Option<String>,
}

#[derive(Args)]
pub(crate) struct Release {
    /// The address
    ip: IpAddr,
    /// Why; is kept in its history
    #[arg(long, value_name = "TEXT")]
    reason: String,
    /// Even if its holder may still use it: two machines may then have one address
    #[arg(long)]
    force: bool,
}

#[derive(Args)]
pub(crate) struct Clear {
    /// The address
    ip: IpAddr,
}

impl Verb {
    pub(crate) async fn run(self, session: &Session) -> Result<(), Failure> {
        match self {
            Self::Ls(ls) => ls.run(session).await,
            Self::Show(Show { ip, at: None }) => {
                let address = session.wait(session.client.get::<Address>(&ip)).await?;
                session.output.object(&address)
            }
            Self::Show(Show { ip, at: Some(at) }) => history::show_at(session, ip, &at).await,
            Self::History(history) => history.run(session).await,
            Self::Release(Release { ip, reason, force }) => {
                let release = AddressRelease { reason, force };
                let call = session.client.release_address(ip, &release);
                session.wait(call).await?;
                session.output.done::<Address>(&ip, "released")
            }
            Self::Clear(Clear { ip }) => {
                session.wait(session.client.clear_conflict(ip)).await?;
                session.output.done::<Address>(&ip, "cleared")
            }
        }
    }
}

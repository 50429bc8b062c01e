//! `netctl node …`

mod ask;
mod request;

use clap::{Args, Subcommand};
use trunkline_netmaster_api::{Node, NodeEdit};
use trunkline_types::{Labels, Name};

use crate::failure::Failure;
use crate::flag::{Given, LabelsEdited, flags, parsed};
use crate::noun::{KeyArg, Look, Noun, change_twice};
use crate::render::{Column, Shown, joined, labels, or_absent, plain, utc};
use crate::session::Session;
use request::Request;

impl Noun for Node {
    const NAME: &'static str = "node";
    const PLURAL: &'static str = "nodes";
    const FIELDS: &'static [&'static str] = &["name", "rack", "address"];
    const COLUMNS: &'static [Column<Self>] = &[
        Column::new("name", Shown::Always, |node| plain(&node.name)),
        Column::new("rack", Shown::Always, |node| match &node.agent_rack {
            Some(other) => plain(format!("{} (its agent says {other})", node.rack)),
            None => plain(&node.rack),
        }),
        Column::new("addresses", Shown::Always, |node| {
            let addresses = node.addresses.iter();
            joined(addresses.map(|one| format!("{}/{}", one.ip, one.prefix)))
        }),
        Column::new("agent", Shown::Always, |node| {
            or_absent(node.agent_version.as_ref())
        }),
        Column::new("last heard", Shown::Always, |node| utc(node.last_heard)),
        Column::new("removing", Shown::Wide, |node| {
            plain(if node.removing { "yes" } else { "no" }).alarming_if(node.removing)
        }),
        Column::new("boot id", Shown::Alone, |node| {
            or_absent(node.boot_id.as_ref())
        }),
        Column::new("fence", Shown::Wide, |node| plain(node.fence)),
        Column::new("reported", Shown::Alone, |node| {
            plain(format!("in epoch {}", node.reported))
        }),
        Column::new("labels", Shown::Wide, |node| labels(&node.labels)),
        Column::new("revision", Shown::Wide, |node| plain(node.revision)),
    ];

    fn key(&self) -> Name {
        self.name.clone()
    }
}

flags! {
    Rack: Name = "rack", "RACK", parsed, "Rack it stands in, whose subnets its pods use";
}

#[derive(Subcommand)]
pub(crate) enum Verb {
    #[command(flatten)]
    Look(Look<Node>),
    Set(Set),
    Rm(Rm),
    Revoke(Revoke),
    Waive(Waive),
    #[command(flatten)]
    Request(Request),
}

/// Change a node's rack or labels
///
/// What is not given stays as it is. The rack cannot change while the node has endpoints of subnets
/// that would not be for it. It stays until the agent is given another one: that a running agent
/// goes on to say what it said before changes nothing.
#[derive(Args)]
#[command(after_help = "Example:\n  netctl node set node1 --rack r2 --label gpu=yes")]
pub(crate) struct Set {
    #[command(flatten)]
    node: KeyArg<Node>,
    #[command(flatten)]
    rack: Given<Rack>,
    #[command(flatten)]
    labels: LabelsEdited,
    /// Change it only if it is still at this revision. Default: at whatever it is, and once more if
    /// somebody else was quicker
    #[arg(long, value_name = "REVISION")]
    revision: Option<u64>,
}

/// Remove a node, and free what it holds
///
/// Refused while it has endpoints. With --powered-off you vouch that nothing on it runs any more:
/// the addresses of its pods are handed out again. The node's certificates are void from then on: to
/// come back it joins by a new token.
#[derive(Args)]
#[command(after_help = "Example:\n  netctl node rm node1 --powered-off")]
pub(crate) struct Rm {
    #[command(flatten)]
    node: KeyArg<Node>,
    /// It is off, and stays off until it registers anew
    #[arg(long)]
    powered_off: bool,
}

/// Make all certificates of a node void
///
/// Whoever has one is refused at once, whether the node is registered or not. Its pods go on. To come
/// back it joins by a token that is made afterwards, or gets a certificate that is.
#[derive(Args)]
#[command(after_help = "Example:\n  netctl node revoke node1")]
pub(crate) struct Revoke {
    #[command(flatten)]
    node: KeyArg<Node>,
}

/// Pass over the report that a node owes after a restore
///
/// Only for a node that is off: what it holds may be handed out again. `netctl cluster show` says
/// whose reports are awaited.
#[derive(Args)]
pub(crate) struct Waive {
    #[command(flatten)]
    node: KeyArg<Node>,
}

impl Verb {
    pub(crate) async fn run(self, session: &Session) -> Result<(), Failure> {
        match self {
            Self::Look(look) => look.run(session).await,
            Self::Set(set) => set.run(session).await,
            Self::Rm(Rm { node, powered_off }) => {
                let call = session.client.remove_node(&node.key, powered_off);
                session.wait(call).await?;
                session.output.done::<Node>(&node.key, "removed")
            }
            Self::Revoke(Revoke { node }) => {
                let call = session.client.revoke_certificates(&node.key);
                session.wait(call).await?;
                session.output.done::<Node>(&node.key, "locked out")
            }
            Self::Waive(Waive { node }) => {
                session.wait(session.client.waive_report(&node.key)).await?;
                session.output.done::<Node>(&node.key, "waived")
            }
            Self::Request(request) => request.run(session).await,
        }
    }
}

impl Set {
    async fn run(self, session: &Session) -> Result<(), Failure> {
        let name = &self.node.key;
        let change = async |session: &Session| {
            let node = session.client.get::<Node>(name).await?;
            let edit = self.edit(&node);
            let is_new = edit.rack.as_ref().is_some_and(|rack| *rack != node.rack)
                || edit
                    .labels
                    .as_ref()
                    .is_some_and(|labels| *labels != node.labels);
            Ok((session.client.edit_node(name, &edit).await?, is_new))
        };
        let again = self.revision.is_none();
        let (node, is_new) = session.wait(change_twice(session, again, change)).await?;
        if !session.output.is_for_people() {
            return session.output.object(&node);
        }
        let what = if is_new { "changed" } else { "was so already" };
        session.output.done::<Node>(name, what)
    }

    fn edit(&self, node: &Node) -> NodeEdit {
        let labels = (!self.labels.is_empty()).then(|| {
            let mut labels: Labels = node.labels.clone();
            self.labels.apply(&mut labels);
            labels
        });
        NodeEdit {
            revision: self.revision.unwrap_or(node.revision),
            rack: self.rack.0.clone(),
            labels,
        }
    }
}

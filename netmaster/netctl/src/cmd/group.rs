//! `netctl group …`

use clap::Args;
use trunkline_netmaster_api::{Group, GroupSpec};
use trunkline_types::{Name, Selector};

use crate::failure::Failure;
use crate::flag::{Clearable, Edited, Given, LabelsEdited, LabelsGiven, Many, flags, parsed};
use crate::noun::{Managed, Noun};
use crate::render::{Cell, Column, Shown, joined, labels, or_absent, plain};

impl Noun for Group {
    const NAME: &'static str = "group";
    const PLURAL: &'static str = "groups";
    const FIELDS: &'static [&'static str] =
        &["name", "level", "namespace", "network", "pool", "profile"];
    const COLUMNS: &'static [Column<Self>] = &[
        Column::new("name", Shown::Always, |group| plain(&group.name)),
        Column::new("level", Shown::Always, |group| plain(group.level.as_str())),
        Column::new("priority", Shown::Always, |group| plain(group.priority)),
        Column::new("for", Shown::InLists, whom),
        Column::new("nodes", Shown::Alone, |group| {
            or_absent(group.nodes.as_ref())
        }),
        Column::new("namespaces", Shown::Alone, |group| {
            joined(&group.namespaces)
        }),
        Column::new("pods", Shown::Alone, |group| or_absent(group.pods.as_ref())),
        Column::new("network", Shown::Always, |group| {
            or_absent(group.network.as_ref())
        }),
        Column::new("pool", Shown::Always, |group| {
            or_absent(group.pool.as_ref())
        }),
        Column::new("profile", Shown::Always, |group| {
            or_absent(group.profile.as_ref())
        }),
        Column::new("labels", Shown::Wide, |group| labels(&group.labels)),
        Column::new("revision", Shown::Wide, |group| plain(group.revision)),
    ];

    fn key(&self) -> Name {
        self.name.clone()
    }
}

/// Which pods are in it, in a word.
fn whom(group: &Group) -> Cell {
    if let Some(nodes) = &group.nodes {
        return plain(format!("nodes {nodes}"));
    }
    let namespaces: Vec<_> = group.namespaces.iter().map(Name::as_str).collect();
    match (namespaces.as_slice(), &group.pods) {
        ([], _) => plain("all"),
        (_, None) => plain(namespaces.join(",")),
        (_, Some(pods)) => plain(format!("{}: {pods}", namespaces.join(","))),
    }
}

flags! {
    Nodes: Selector = "nodes", "SELECTOR", parsed,
        "For pods on nodes with such labels, like `gpu=yes`; not together with --namespace";
    Namespace: Name = "namespace", "NAMESPACE", parsed, "For pods in this namespace";
    Pods: Selector = "pods", "SELECTOR", parsed,
        "Of the pods in the namespaces, for those with such labels, like `app=web`";
    Network: Name = "network", "NETWORK", parsed, "Network they are to be on";
    Pool: Name = "pool", "POOL", parsed,
        "Pool of the network's subnets that their addresses come from";
    Profile: Name = "profile", "PROFILE", parsed, "Their quality of service";
    Priority: i32 = "priority", "NUMBER", priority,
        "Among groups of one level the highest wins (default: 0)";
}

fn priority(text: &str) -> Result<i32, String> {
    text.parse().map_err(|_| {
        format!("priority `{text}` is not valid: write a whole number, like `10` or `-1`")
    })
}

/// Create a group
///
/// It is for pods on some nodes (--nodes), in namespaces (--namespace), with labels within
/// namespaces (--namespace and --pods), or with none of them for all pods. It binds them to at least
/// one of network, pool and profile. The more specific group wins, then the higher priority.
#[derive(Args)]
#[command(after_help = "Examples:\n  \
                        netctl group create all --network blue\n  \
                        netctl group create shop-web --namespace shop --pods app=web --pool web")]
pub(crate) struct Create {
    #[command(flatten)]
    nodes: Given<Nodes>,
    #[command(flatten)]
    namespaces: Many<Namespace>,
    #[command(flatten)]
    pods: Given<Pods>,
    #[command(flatten)]
    network: Given<Network>,
    #[command(flatten)]
    pool: Given<Pool>,
    #[command(flatten)]
    profile: Given<Profile>,
    #[command(flatten)]
    priority: Given<Priority>,
    #[command(flatten)]
    labels: LabelsGiven,
}

/// Change a group
///
/// What is not given stays as it is. It counts for pods that come; those that run keep what they
/// have.
#[derive(Args)]
#[command(after_help = "Example:\n  \
                        netctl group set shop-web --add-namespace shop-test --no-pool")]
pub(crate) struct Set {
    #[command(flatten)]
    nodes: Clearable<Nodes>,
    #[command(flatten)]
    namespaces: Edited<Namespace>,
    #[command(flatten)]
    pods: Clearable<Pods>,
    #[command(flatten)]
    network: Clearable<Network>,
    #[command(flatten)]
    pool: Clearable<Pool>,
    #[command(flatten)]
    profile: Clearable<Profile>,
    #[command(flatten)]
    priority: Given<Priority>,
    #[command(flatten)]
    labels: LabelsEdited,
}

impl Managed for Group {
    type Create = Create;
    type Set = Set;
    const RM: &'static str = "Pods that run keep what they have.";

    fn spec(name: Name, create: Create) -> GroupSpec {
        GroupSpec {
            name,
            nodes: create.nodes.0,
            namespaces: create.namespaces.0,
            pods: create.pods.0,
            network: create.network.0,
            pool: create.pool.0,
            profile: create.profile.0,
            priority: create.priority.0.unwrap_or_default(),
            labels: create.labels.0,
        }
    }

    fn revision(&self) -> u64 {
        self.revision
    }

    fn current(&self) -> GroupSpec {
        GroupSpec {
            name: self.name.clone(),
            nodes: self.nodes.clone(),
            namespaces: self.namespaces.clone(),
            pods: self.pods.clone(),
            network: self.network.clone(),
            pool: self.pool.clone(),
            profile: self.profile.clone(),
            priority: self.priority,
            labels: self.labels.clone(),
        }
    }

    fn change(spec: &mut GroupSpec, set: &Set) -> Result<(), Failure> {
        set.nodes.apply(&mut spec.nodes);
        set.namespaces.apply(&mut spec.namespaces)?;
        set.pods.apply(&mut spec.pods);
        set.network.apply(&mut spec.network);
        set.pool.apply(&mut spec.pool);
        set.profile.apply(&mut spec.profile);
        set.priority.apply(&mut spec.priority);
        set.labels.apply(&mut spec.labels);
        Ok(())
    }
}

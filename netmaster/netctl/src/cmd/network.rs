//! `netctl network …`

use clap::Args;
use trunkline_netmaster_api::{Network, NetworkSpec};
use trunkline_types::{Mtu, Name, VlanId};

use crate::failure::Failure;
use crate::flag::{Given, LabelsEdited, LabelsGiven, Needed, flags, parsed};
use crate::noun::{Managed, Noun};
use crate::render::{Column, Shown, labels, plain};

impl Noun for Network {
    const NAME: &'static str = "network";
    const PLURAL: &'static str = "networks";
    const FIELDS: &'static [&'static str] = &["name", "vlan"];
    const COLUMNS: &'static [Column<Self>] = &[
        Column::new("name", Shown::Always, |network| plain(&network.name)),
        Column::new("vlan", Shown::Always, |network| plain(network.vlan)),
        Column::new("mtu", Shown::InLists, |network| plain(network.mtu)),
        Column::new("mtu", Shown::Alone, |network| {
            plain(format!("{} bytes", network.mtu))
        }),
        Column::new("labels", Shown::Wide, |network| labels(&network.labels)),
        Column::new("revision", Shown::Wide, |network| plain(network.revision)),
    ];

    fn key(&self) -> Name {
        self.name.clone()
    }
}

flags! {
    Vlan: VlanId = "vlan", "ID", parsed, "VLAN id: 1–4094";
    LargestPacket: Mtu = "mtu", "BYTES", parsed, "Largest IP packet in bytes: 1280–9216, default 1500";
}

/// Create a network
///
/// Its name and VLAN must be free; networks with different labels `fabric` may have the same VLAN.
/// It needs a subnet before pods can use it.
#[derive(Args)]
#[command(after_help = "Example:\n  netctl network create blue --vlan 100 --mtu 9000")]
pub(crate) struct Create {
    #[command(flatten)]
    vlan: Needed<Vlan>,
    #[command(flatten)]
    mtu: Given<LargestPacket>,
    #[command(flatten)]
    labels: LabelsGiven,
}

/// Change a network
///
/// What is not given stays as it is. The VLAN cannot change while addresses are in use; another MTU
/// is for pods that come.
#[derive(Args)]
#[command(after_help = "Example:\n  netctl network set blue --mtu 9000 --label team=shop")]
pub(crate) struct Set {
    #[command(flatten)]
    vlan: Given<Vlan>,
    #[command(flatten)]
    mtu: Given<LargestPacket>,
    #[command(flatten)]
    labels: LabelsEdited,
}

impl Managed for Network {
    type Create = Create;
    type Set = Set;
    const RM: &'static str = "It must have no subnets, and no group may name it.";

    fn spec(name: Name, create: Create) -> NetworkSpec {
        NetworkSpec {
            name,
            vlan: create.vlan.0,
            mtu: create.mtu.0.unwrap_or_default(),
            labels: create.labels.0,
        }
    }

    fn revision(&self) -> u64 {
        self.revision
    }

    fn current(&self) -> NetworkSpec {
        NetworkSpec {
            name: self.name.clone(),
            vlan: self.vlan,
            mtu: self.mtu,
            labels: self.labels.clone(),
        }
    }

    fn change(spec: &mut NetworkSpec, set: &Set) -> Result<(), Failure> {
        set.vlan.apply(&mut spec.vlan);
        set.mtu.apply(&mut spec.mtu);
        set.labels.apply(&mut spec.labels);
        Ok(())
    }
}

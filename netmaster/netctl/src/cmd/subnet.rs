//! `netctl subnet …`

use std::net::IpAddr;

use clap::Args;
use trunkline_netmaster_api::{Subnet, SubnetSpec, SubnetUpdated};
use trunkline_types::{AddressRange, Cidr, Name, Selector};

use crate::failure::Failure;
use crate::flag::{
    Clearable, Edited, Given, LabelsEdited, LabelsGiven, Many, Needed, flags, parsed,
};
use crate::noun::{Managed, Noun};
use crate::render::{Column, Shown, joined, labels, or_absent, plain};

impl Noun for Subnet {
    const NAME: &'static str = "subnet";
    const PLURAL: &'static str = "subnets";
    const FIELDS: &'static [&'static str] = &["name", "network", "rack", "cidr"];
    const COLUMNS: &'static [Column<Self>] = &[
        Column::new("name", Shown::Always, |subnet| plain(&subnet.name)),
        Column::new("network", Shown::Always, |subnet| plain(&subnet.network)),
        Column::new("cidr", Shown::Always, |subnet| plain(subnet.cidr)),
        Column::new("gateway", Shown::Always, |subnet| plain(subnet.gateway)),
        Column::new("ranges", Shown::Wide, |subnet| joined(&subnet.ranges)),
        Column::new("excluded", Shown::Wide, |subnet| joined(&subnet.exclusions)),
        Column::new("rack", Shown::Always, |subnet| {
            or_absent(subnet.rack.as_ref())
        }),
        Column::new("nodes", Shown::Wide, |subnet| {
            or_absent(subnet.nodes.as_ref())
        }),
        Column::new("in use", Shown::InLists, |subnet| {
            plain(format!("{}/{}", subnet.in_use, subnet.capacity))
                .alarming_if(subnet.in_use >= subnet.capacity)
        }),
        Column::new("in use", Shown::Alone, |subnet| {
            plain(format!("{} of {}", subnet.in_use, subnet.capacity))
                .alarming_if(subnet.in_use >= subnet.capacity)
        }),
        Column::new("deleting", Shown::Wide, |subnet| {
            plain(if subnet.deleting { "yes" } else { "no" }).alarming_if(subnet.deleting)
        }),
        Column::new("labels", Shown::Wide, |subnet| labels(&subnet.labels)),
        Column::new("revision", Shown::Wide, |subnet| plain(subnet.revision)),
    ];

    fn key(&self) -> Name {
        self.name.clone()
    }
}

flags! {
    Network: Name = "network", "NETWORK", parsed, "Network it belongs to";
    Addresses: Cidr = "cidr", "CIDR", parsed, "Its addresses, like 10.1.0.0/24 or fd00:1::/64";
    Gateway: IpAddr = "gateway", "ADDRESS", parsed,
        "Address of the top-of-rack switch in it, which is never handed out";
    Range: AddressRange = "range", "FIRST-LAST", parsed,
        "Addresses to hand out, like 10.1.0.10-10.1.0.99 (default: all but the gateway)";
    Exclude: AddressRange = "exclude", "FIRST-LAST", parsed,
        "Addresses of the ranges not to hand out, like 10.1.0.50 or 10.1.0.50-10.1.0.59";
    Rack: Name = "rack", "RACK", parsed, "Rack whose nodes may use it (default: all nodes)";
    Nodes: Selector = "nodes", "SELECTOR", parsed,
        "Labels of the nodes that may use it, like `zone=a`; not together with --rack";
}

/// Create a subnet of a network
///
/// Its addresses must not be in any other subnet of the fabric. The gateway is the top-of-rack
/// switch's address in it, and is never handed out.
#[derive(Args)]
#[command(after_help = "Example:\n  \
                        netctl subnet create blue-r1 --network blue --cidr 10.1.0.0/24 \
                        --gateway 10.1.0.1 --range 10.1.0.10-10.1.0.99 --rack r1")]
pub(crate) struct Create {
    #[command(flatten)]
    network: Needed<Network>,
    #[command(flatten)]
    cidr: Needed<Addresses>,
    #[command(flatten)]
    gateway: Needed<Gateway>,
    #[command(flatten)]
    ranges: Many<Range>,
    #[command(flatten)]
    exclusions: Many<Exclude>,
    #[command(flatten)]
    rack: Given<Rack>,
    #[command(flatten)]
    nodes: Given<Nodes>,
    #[command(flatten)]
    labels: LabelsGiven,
}

/// Change a subnet
///
/// What is not given stays as it is. The CIDR can only grow. Ranges lose no address that is in use;
/// another gateway is for pods that come, and the answer says which have the old one.
#[derive(Args)]
#[command(after_help = "Examples:\n  \
                        netctl subnet set blue-r1 --add-exclude 10.1.0.50-10.1.0.59\n  \
                        netctl subnet set blue-r1 --cidr 10.1.0.0/23 --no-range\n  \
                        netctl subnet set blue-r1 --no-rack --nodes zone=a")]
pub(crate) struct Set {
    #[command(flatten)]
    cidr: Given<Addresses>,
    #[command(flatten)]
    gateway: Given<Gateway>,
    #[command(flatten)]
    ranges: Edited<Range>,
    #[command(flatten)]
    exclusions: Edited<Exclude>,
    #[command(flatten)]
    rack: Clearable<Rack>,
    #[command(flatten)]
    nodes: Clearable<Nodes>,
    #[command(flatten)]
    labels: LabelsEdited,
}

impl Managed for Subnet {
    type Create = Create;
    type Set = Set;
    const RM: &'static str = "None of its addresses may be in use, and it must have no pools. What \
                              is left of it goes in several steps; it is gone when the command is \
                              done.";

    fn spec(name: Name, create: Create) -> SubnetSpec {
        SubnetSpec {
            name,
            network: create.network.0,
            cidr: create.cidr.0,
            gateway: create.gateway.0,
            ranges: create.ranges.0,
            exclusions: create.exclusions.0,
            rack: create.rack.0,
            nodes: create.nodes.0,
            labels: create.labels.0,
        }
    }

    fn revision(&self) -> u64 {
        self.revision
    }

    fn current(&self) -> SubnetSpec {
        SubnetSpec {
            name: self.name.clone(),
            network: self.network.clone(),
            cidr: self.cidr,
            gateway: self.gateway,
            ranges: self.ranges.clone(),
            exclusions: self.exclusions.clone(),
            rack: self.rack.clone(),
            nodes: self.nodes.clone(),
            labels: self.labels.clone(),
        }
    }

    fn change(spec: &mut SubnetSpec, set: &Set) -> Result<(), Failure> {
        set.cidr.apply(&mut spec.cidr);
        set.gateway.apply(&mut spec.gateway);
        set.ranges.apply(&mut spec.ranges)?;
        set.exclusions.apply(&mut spec.exclusions)?;
        set.rack.apply(&mut spec.rack);
        set.nodes.apply(&mut spec.nodes);
        set.labels.apply(&mut spec.labels);
        Ok(())
    }

    fn remark(updated: &SubnetUpdated) -> Option<String> {
        let old = &updated.old_gateway;
        if old.is_empty() {
            return None;
        }
        let lines = old.iter().map(|one| {
            let who = match &one.pod {
                Some(pod) => format!("pod {pod}"),
                None => format!("attachment {}", one.attachment),
            };
            format!("  {who} on node {}\n", one.node)
        });
        let lines: String = lines.collect();
        Some(format!(
            "These have the old gateway, until their pods are built anew:\n{lines}"
        ))
    }
}

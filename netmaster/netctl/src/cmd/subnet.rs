//! `netctl subnet …`

use std::net::IpAddr;

use clap::Subcommand;
use trunkline_netmaster_api::{Client, Query, Subnet, SubnetSpec};
use trunkline_types::{AddressRange, Cidr, Labels, Name};

use super::{created, removed};
use crate::failure::Failure;
use crate::render::{ABSENT, Format, Render, render_list, render_object};

#[derive(Debug, Subcommand)]
pub(crate) enum Verb {
    /// Create a subnet of a network
    ///
    /// Its addresses must not be in any other subnet of the fabric. The gateway is the
    /// top-of-rack switch's address in it, and is never handed out.
    #[command(after_help = "Example:\n  \
                            netctl subnet create blue-r1 --network blue --cidr 10.1.0.0/24 \
                            --gateway 10.1.0.1 --range 10.1.0.10-10.1.0.99 --rack r1")]
    Create {
        /// Name: 1–63 of a–z, 0–9, `-` and `.`
        name: Name,
        /// Network it belongs to
        #[arg(long)]
        network: Name,
        /// Its addresses, like 10.1.0.0/24
        #[arg(long)]
        cidr: Cidr,
        /// Address of the top-of-rack switch in it
        #[arg(long, value_name = "ADDRESS")]
        gateway: IpAddr,
        /// Addresses to hand out, like 10.1.0.10-10.1.0.99; may be repeated. Default: all but the
        /// gateway
        #[arg(long = "range", value_name = "FIRST-LAST")]
        ranges: Vec<AddressRange>,
        /// Rack whose nodes may use it. Default: all nodes
        #[arg(long)]
        rack: Option<Name>,
    },
    /// List all subnets
    Ls,
    /// Show a subnet
    Show {
        /// Name of the subnet
        name: Name,
    },
    /// Remove a subnet
    ///
    /// None of its addresses may be in use.
    Rm {
        /// Name of the subnet
        name: Name,
    },
}

pub(super) async fn run(verb: &Verb, client: &Client, format: Format) -> Result<String, Failure> {
    match verb {
        Verb::Create {
            name,
            network,
            cidr,
            gateway,
            ranges,
            rack,
        } => {
            let spec = SubnetSpec {
                name: name.clone(),
                network: network.clone(),
                cidr: *cidr,
                gateway: *gateway,
                ranges: ranges.clone(),
                rack: rack.clone(),
                exclusions: Vec::new(),
                nodes: None,
                labels: Labels::default(),
            };
            let subnet = client.create::<Subnet>(&spec).await?;
            created(&subnet, name.as_str(), format)
        }
        Verb::Ls => render_list(
            client.list::<Subnet>(&Query::default()).await?.items,
            format,
        ),
        Verb::Show { name } => render_object(&client.get::<Subnet>(name).await?, format),
        Verb::Rm { name } => {
            client.delete::<Subnet>(name).await?;
            Ok(removed::<Subnet>(name.as_str(), format))
        }
    }
}

impl Render for Subnet {
    const KIND: &str = "subnet";
    const COLUMNS: &[&str] = &["name", "network", "cidr", "gateway", "rack", "in use"];

    fn cells(&self) -> Vec<String> {
        vec![
            self.name.to_string(),
            self.network.to_string(),
            self.cidr.to_string(),
            self.gateway.to_string(),
            rack(self),
            format!("{}/{}", self.in_use, self.capacity),
        ]
    }

    fn details(&self) -> Vec<(&'static str, String)> {
        let ranges: Vec<_> = self.ranges.iter().map(ToString::to_string).collect();
        vec![
            ("name", self.name.to_string()),
            ("network", self.network.to_string()),
            ("cidr", self.cidr.to_string()),
            ("gateway", self.gateway.to_string()),
            ("ranges", ranges.join(", ")),
            ("rack", rack(self)),
            ("in use", format!("{} of {}", self.in_use, self.capacity)),
            ("revision", self.revision.to_string()),
        ]
    }
}

fn rack(subnet: &Subnet) -> String {
    let rack = subnet.rack.as_ref();
    rack.map_or_else(|| ABSENT.to_owned(), ToString::to_string)
}

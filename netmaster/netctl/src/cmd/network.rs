//! `netctl network …`

use clap::Subcommand;
use trunkline_netmaster_api::{Client, Network, NetworkSpec, Query};
use trunkline_types::{Labels, Mtu, Name, VlanId};

use super::{created, removed};
use crate::failure::Failure;
use crate::render::{Format, Render, render_list, render_object};

#[derive(Debug, Subcommand)]
pub(crate) enum Verb {
    /// Create a network
    ///
    /// Its name and VLAN must be free. It needs a subnet before pods can use it.
    #[command(after_help = "Example:\n  netctl network create blue --vlan 100 --mtu 9000")]
    Create {
        /// Name: 1–63 of a–z, 0–9, `-` and `.`
        name: Name,
        /// VLAN id: 1–4094
        #[arg(long, value_name = "ID", allow_negative_numbers = true)]
        vlan: VlanId,
        /// Largest IP packet in bytes: 1280–9216
        #[arg(
            long,
            value_name = "BYTES",
            default_value_t,
            allow_negative_numbers = true
        )]
        mtu: Mtu,
    },
    /// List all networks
    Ls,
    /// Show a network
    Show {
        /// Name of the network
        name: Name,
    },
    /// Remove a network
    ///
    /// It must have no subnets.
    Rm {
        /// Name of the network
        name: Name,
    },
}

pub(super) async fn run(verb: &Verb, client: &Client, format: Format) -> Result<String, Failure> {
    match verb {
        Verb::Create { name, vlan, mtu } => {
            let spec = NetworkSpec {
                name: name.clone(),
                vlan: *vlan,
                mtu: *mtu,
                labels: Labels::default(),
            };
            let network = client.create::<Network>(&spec).await?;
            created(&network, name.as_str(), format)
        }
        Verb::Ls => render_list(
            client.list::<Network>(&Query::default()).await?.items,
            format,
        ),
        Verb::Show { name } => render_object(&client.get::<Network>(name).await?, format),
        Verb::Rm { name } => {
            client.delete::<Network>(name).await?;
            Ok(removed::<Network>(name.as_str(), format))
        }
    }
}

impl Render for Network {
    const KIND: &str = "network";
    const COLUMNS: &[&str] = &["name", "vlan", "mtu"];

    fn cells(&self) -> Vec<String> {
        vec![
            self.name.to_string(),
            self.vlan.to_string(),
            self.mtu.to_string(),
        ]
    }

    fn details(&self) -> Vec<(&'static str, String)> {
        vec![
            ("name", self.name.to_string()),
            ("vlan", self.vlan.to_string()),
            ("mtu", format!("{} bytes", self.mtu)),
            ("revision", self.revision.to_string()),
        ]
    }
}

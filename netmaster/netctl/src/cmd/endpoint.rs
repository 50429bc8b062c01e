//! `netctl endpoint …`

use clap::Subcommand;
use trunkline_netmaster_api::{Client, Endpoint, Query};
use trunkline_types::Attachment;

use crate::failure::Failure;
use crate::render::{ABSENT, Format, Render, render_list, render_object, utc};

#[derive(Debug, Subcommand)]
pub(crate) enum Verb {
    /// List all endpoints
    Ls,
    /// Show an endpoint
    Show {
        /// Its container id and interface name, as `netctl endpoint ls` prints them
        #[arg(value_name = "CONTAINER/IFNAME")]
        attachment: Attachment,
    },
}

pub(super) async fn run(verb: &Verb, client: &Client, format: Format) -> Result<String, Failure> {
    match verb {
        Verb::Ls => render_list(
            client.list::<Endpoint>(&Query::default()).await?.items,
            format,
        ),
        Verb::Show { attachment } => {
            render_object(&client.get::<Endpoint>(attachment).await?, format)
        }
    }
}

impl Render for Endpoint {
    const KIND: &str = "endpoint";
    // The attachment comes last, because container ids are long.
    const COLUMNS: &[&str] = &[
        "pod",
        "node",
        "network",
        "vlan",
        "address",
        "mac",
        "attachment",
    ];

    fn cells(&self) -> Vec<String> {
        vec![
            pod(self),
            self.node.to_string(),
            self.network.to_string(),
            self.vlan.to_string(),
            joined(self, |address| format!("{}/{}", address.ip, address.prefix)),
            self.mac.to_string(),
            self.attachment.to_string(),
        ]
    }

    fn details(&self) -> Vec<(&'static str, String)> {
        vec![
            ("attachment", self.attachment.to_string()),
            ("pod", pod(self)),
            ("node", self.node.to_string()),
            ("network", self.network.to_string()),
            ("vlan", self.vlan.to_string()),
            ("mtu", format!("{} bytes", self.mtu)),
            ("mac", self.mac.to_string()),
            (
                "address",
                joined(self, |address| format!("{}/{}", address.ip, address.prefix)),
            ),
            (
                "gateway",
                joined(self, |address| address.gateway.to_string()),
            ),
            ("subnet", joined(self, |address| address.subnet.to_string())),
            ("created", utc(self.created)),
            ("revision", self.revision.to_string()),
        ]
    }
}

fn pod(endpoint: &Endpoint) -> String {
    let pod = endpoint.pod.as_ref();
    pod.map_or_else(|| ABSENT.to_owned(), ToString::to_string)
}

fn joined(
    endpoint: &Endpoint,
    text: impl Fn(&trunkline_netmaster_api::EndpointAddress) -> String,
) -> String {
    let texts: Vec<_> = endpoint.addresses.iter().map(text).collect();
    texts.join(", ")
}

//! `netctl node …`

use clap::Subcommand;
use trunkline_netmaster_api::{Client, Node, Query};

use crate::failure::Failure;
use crate::render::{Format, Render, render_list};

#[derive(Debug, Subcommand)]
pub(crate) enum Verb {
    /// List all nodes
    ///
    /// A node is registered by its agent, netplugin.
    Ls,
}

pub(super) async fn run(verb: &Verb, client: &Client, format: Format) -> Result<String, Failure> {
    match verb {
        Verb::Ls => render_list(client.list::<Node>(&Query::default()).await?.items, format),
    }
}

impl Render for Node {
    const KIND: &str = "node";
    const COLUMNS: &[&str] = &["name", "rack"];

    fn cells(&self) -> Vec<String> {
        vec![self.name.to_string(), self.rack.to_string()]
    }

    fn details(&self) -> Vec<(&'static str, String)> {
        vec![
            ("name", self.name.to_string()),
            ("rack", self.rack.to_string()),
            ("revision", self.revision.to_string()),
        ]
    }
}

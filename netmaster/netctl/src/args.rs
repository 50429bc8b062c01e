//! The command line.

use clap::{Parser, Subcommand};

use crate::cmd::{endpoint, network, node, subnet};
use crate::render::Format;

/// See and change Trunkline's networks, subnets, nodes and endpoints
#[derive(Debug, Parser)]
#[command(
    name = "netctl",
    version,
    after_help = "Examples:\n  \
                  netctl network create blue --vlan 100\n  \
                  netctl subnet create blue-r1 --network blue --cidr 10.1.0.0/24 \
                  --gateway 10.1.0.1 --rack r1\n  \
                  netctl endpoint ls -o json\n\n\
                  Exit codes:\n  \
                  0  done\n  \
                  1  netmaster refused or failed; standard error says why\n  \
                  2  wrong usage\n  \
                  3  netmaster cannot be reached, or did not answer"
)]
pub(crate) struct Args {
    /// URL of netmaster
    #[arg(
        long,
        env = "NETMASTER",
        value_name = "URL",
        default_value = "http://127.0.0.1:9630",
        global = true
    )]
    pub(crate) server: String,
    /// How to print objects
    #[arg(
        short,
        long,
        value_enum,
        value_name = "FORMAT",
        default_value_t,
        global = true
    )]
    pub(crate) output: Format,
    #[command(subcommand)]
    pub(crate) noun: Noun,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Noun {
    /// Networks: layer-2 domains, each with its VLAN
    #[command(subcommand)]
    Network(network::Verb),
    /// Subnets: CIDRs of a network, and which of their addresses are handed out
    #[command(subcommand)]
    Subnet(subnet::Verb),
    /// Nodes: the machines that pods run on
    #[command(subcommand)]
    Node(node::Verb),
    /// Endpoints: attached interfaces and their addresses
    #[command(subcommand)]
    Endpoint(endpoint::Verb),
}

//! The command line.

use clap::{Parser, Subcommand};
use trunkline_netmaster_api::{
    Audit, Endpoint, Event, Group, Network, Pool, Profile, Reservation, Subnet,
};

use crate::cmd::{
    address, apply, check, cluster, completion, context, explain, import, man, node, status, token,
    top, version,
};
use crate::noun::{Look, Manage};
use crate::render::Format;
use crate::settings::Flags;

/// See and change Trunkline's networks, subnets, addresses, nodes and the rest
#[derive(Parser)]
#[command(name = "netctl", version, after_help = AFTER_HELP, max_term_width = 100)]
pub(crate) struct Args {
    #[command(flatten)]
    pub(crate) flags: Flags,
    /// How to print objects
    #[arg(
        short,
        long,
        value_enum,
        value_name = "FORMAT",
        default_value_t,
        global = true,
        display_order = 150,
        help_heading = "Global options"
    )]
    pub(crate) output: Format,
    #[command(subcommand)]
    pub(crate) command: Command,
}

const AFTER_HELP: &str = "\
Examples:
  netctl network create blue --vlan 100
  netctl subnet create blue-r1 --network blue --cidr 10.1.0.0/24 --gateway 10.1.0.1 --rack r1
  netctl subnet set blue-r1 --add-exclude 10.1.0.50
  netctl address ls --network blue --state bound
  netctl explain pod shop/web-0 --labels app=web --node node1
  netctl event ls --watch
  netctl apply -f rack.yaml --dry-run

Exit codes:
  0  done
  1  netmaster refused or failed; standard error says why
  2  wrong usage, or a configuration file that cannot be used
  3  netmaster or a node cannot be reached, did not answer, or says to try again later
  4  it contradicts what is there, as an object that somebody changed meanwhile
  5  what is named does not exist
  6  not allowed
  7  `diff` found differences, or `check` something that is not repaired";

#[derive(Subcommand)]
pub(crate) enum Command {
    /// Networks: layer-2 domains, each with its VLAN
    #[command(subcommand)]
    Network(Manage<Network>),
    /// Subnets: CIDRs of a network, and which of their addresses are handed out
    #[command(subcommand)]
    Subnet(Manage<Subnet>),
    /// Pools: named ranges of a subnet, for those who are bound to them
    #[command(subcommand)]
    Pool(Manage<Pool>),
    /// Groups: which pods are bound to which network, pool and profile
    #[command(subcommand)]
    Group(Manage<Group>),
    /// Profiles: bandwidth, burst and DSCP of pods
    #[command(subcommand)]
    Profile(Manage<Profile>),
    /// Reservations: addresses that only their holder gets
    #[command(subcommand)]
    Reservation(Manage<Reservation>),
    /// Addresses: who has them, who had them, and taking them back
    #[command(subcommand)]
    Address(address::Verb),
    /// Endpoints: attached interfaces and their addresses
    #[command(subcommand)]
    Endpoint(Look<Endpoint>),
    /// Nodes: the machines that pods run on, and what their agents say
    #[command(subcommand)]
    Node(node::Verb),
    /// Events: what happened that somebody should know of
    #[command(subcommand)]
    Event(Look<Event>),
    /// Tokens: secrets for those who have no certificate
    #[command(subcommand)]
    Token(token::Verb),
    /// Audit: who did what, and was not let do it
    #[command(subcommand)]
    Audit(Look<Audit>),
    /// What a pod would be bound to, and why
    #[command(subcommand)]
    Explain(explain::Verb),
    /// Make objects what a file says, all of them or none
    Apply(apply::Apply),
    /// Print what `apply` would change, and whom it would touch
    Diff(apply::Diff),
    /// Print all objects as `apply` takes them
    Export(apply::Export),
    /// Import: take over what another IPAM has handed out
    #[command(subcommand)]
    Import(import::Verb),
    /// Whether store, nodes and reservations agree with each other
    Check(check::Check),
    /// How the whole is: leader, replicas, store, subnets close to full, nodes not heard
    Status(status::Status),
    /// Top: what is used most
    #[command(subcommand)]
    Top(top::Verb),
    /// The cluster as a whole
    #[command(subcommand)]
    Cluster(cluster::Verb),
    /// Contexts: named netmasters and who one is to them
    #[command(subcommand)]
    Context(context::Verb),
    /// Print the versions of netctl and netmaster
    Version(version::Version),
    /// Print completions for a shell
    Completion(completion::Completion),
    /// Write the manual pages, one per command
    Man(man::Man),
}

#[cfg(test)]
mod tests;

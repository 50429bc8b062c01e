//! Requests to nodes: what the agent is asked.

use std::net::IpAddr;
use std::path::PathBuf;

use clap::{Args, Subcommand};
use trunkline_netmaster_api::{
    Capture, Node, NodeRequest, NodeRequestSpec, Probe, Protocol, Trace,
};
use trunkline_types::{Attachment, Name};

use super::ask::ask;
use crate::failure::Failure;
use crate::noun::KeyArg;
use crate::session::Session;

/// What a node's agent is asked; its answer comes line by line, and Ctrl-C cancels.
#[derive(Subcommand)]
pub(crate) enum Request {
    /// Ask a node's agent how it is
    Status(Plain),
    /// Ask a node's agent what it would do next
    ///
    /// To make the node as it should be; nothing is done.
    Plan(Plain),
    /// Ask a node's agent why an interface is configured as it is
    Explain(OfInterface),
    /// Ask a node's agent which way a packet would take
    ///
    /// Through the node's switch; no packet is sent.
    #[command(after_help = "Example:\n  \
                            netctl node trace node1 4f5e1c/eth0 --to 10.1.0.7 --tcp 80")]
    Trace(TraceArgs),
    /// Ask a node's agent whether anybody answers for an address
    #[command(after_help = "Example:\n  netctl node probe node1 10.1.0.7 --network blue")]
    Probe(ProbeArgs),
    /// Capture packets on a node
    ///
    /// As a pcapng file. It ends with whichever limit is met first.
    #[command(after_help = "Examples:\n  \
        netctl node capture node1 --attachment 4f5e1c/eth0 --filter 'tcp port 80' --file web.pcapng\n  \
        netctl node capture node1 --seconds 10 | tcpdump -r -")]
    Capture(CaptureArgs),
}

#[derive(Args)]
pub(crate) struct Plain {
    #[command(flatten)]
    to: To,
}

#[derive(Args)]
struct To {
    #[command(flatten)]
    node: KeyArg<Node>,
    /// After how many seconds the answer is cut off: 1–300. An agent that is silent for 75 seconds
    /// is given up earlier
    #[arg(
        long,
        value_name = "SECONDS",
        default_value_t = NodeRequestSpec::DEFAULT_DEADLINE,
        value_parser = clap::value_parser!(u16).range(1..=i64::from(NodeRequestSpec::MAX_DEADLINE)),
    )]
    seconds: u16,
}

#[derive(Args)]
pub(crate) struct OfInterface {
    #[command(flatten)]
    to: To,
    /// The interface's attachment, as `netctl endpoint ls` prints it
    #[arg(value_name = "CONTAINER/IFNAME")]
    attachment: Attachment,
}

#[derive(Args)]
pub(crate) struct TraceArgs {
    #[command(flatten)]
    of: OfInterface,
    /// Where the packet goes
    #[arg(long = "to", value_name = "IP")]
    ip: IpAddr,
    /// A TCP packet to this port. Default: an ICMP echo request
    #[arg(long, value_name = "PORT", value_parser = clap::value_parser!(u16).range(1..), conflicts_with = "udp")]
    tcp: Option<u16>,
    /// A UDP packet to this port
    #[arg(long, value_name = "PORT", value_parser = clap::value_parser!(u16).range(1..))]
    udp: Option<u16>,
}

#[derive(Args)]
pub(crate) struct ProbeArgs {
    #[command(flatten)]
    to: To,
    /// The address
    #[arg(value_name = "IP")]
    ip: IpAddr,
    /// The network to ask in
    #[arg(long)]
    network: Name,
}

#[derive(Args)]
pub(crate) struct CaptureArgs {
    #[command(flatten)]
    to: To,
    /// The interface's attachment. Default: the node's uplink
    #[arg(long, value_name = "CONTAINER/IFNAME")]
    attachment: Option<Attachment>,
    /// Which packets, as in pcap-filter(7), at most 256 bytes. Default: all
    #[arg(long, default_value = "", hide_default_value = true)]
    filter: String,
    /// After how many packets it ends: 1–1000000
    #[arg(long, value_name = "NUMBER", default_value_t = 1000,
          value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    packets: u32,
    /// How many bytes of each packet are kept: 64–65535
    #[arg(long, value_name = "BYTES", default_value_t = 256,
          value_parser = clap::value_parser!(u32).range(64..=65_535))]
    snap_bytes: u32,
    /// Where to write the packets. Default: standard output, if that is no terminal
    #[arg(long)]
    file: Option<PathBuf>,
}

impl TraceArgs {
    fn protocol(&self) -> Protocol {
        match (self.tcp, self.udp) {
            (Some(port), _) => Protocol::Tcp(port),
            (None, Some(port)) => Protocol::Udp(port),
            (None, None) => Protocol::Icmp,
        }
    }
}

impl Request {
    pub(super) async fn run(self, session: &Session) -> Result<(), Failure> {
        let (to, request, file) = match self {
            Self::Status(Plain { to }) => (to, NodeRequest::Status, None),
            Self::Plan(Plain { to }) => (to, NodeRequest::Plan, None),
            Self::Explain(OfInterface { to, attachment }) => {
                (to, NodeRequest::Explain(attachment), None)
            }
            Self::Trace(trace) => {
                let protocol = trace.protocol();
                let OfInterface { to, attachment } = trace.of;
                let trace = Trace {
                    attachment,
                    to: trace.ip,
                    protocol,
                };
                (to, NodeRequest::Trace(trace), None)
            }
            Self::Probe(ProbeArgs { to, ip, network }) => {
                (to, NodeRequest::Probe(Probe { network, ip }), None)
            }
            Self::Capture(capture) => {
                let request = NodeRequest::Capture(Capture {
                    attachment: capture.attachment,
                    filter: capture.filter,
                    packets: capture.packets,
                    snap_bytes: capture.snap_bytes,
                });
                (capture.to, request, capture.file)
            }
        };
        let spec = NodeRequestSpec {
            request,
            deadline_seconds: to.seconds,
        };
        ask(session, &to.node.key, &spec, file.as_deref()).await
    }
}

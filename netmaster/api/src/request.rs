//! Requests to nodes: what an operator asks of a node's agent, relayed by netmaster.
//!
//! ```text
//! operator ── POST …/requests ─────► netmaster ── GET …/requests?watch ──────► agent
//! operator ◄── lines of the answer ─ netmaster ◄─ POST …/requests/{id}/answer ─ agent
//! ```
//!
//! Everything is a line of JSON: [`ToAgent`] on the agent's watch, [`AnswerLine`] in the answer.
//! An answer's last line is [`AnswerLine::End`] or [`AnswerLine::Error`]; an answer without one
//! was cut off.

mod raw;

use std::net::IpAddr;

use serde::{Deserialize, Serialize};
use trunkline_types::{Attachment, MacAddr, Name};
use utoipa::{PartialSchema, ToSchema};

use crate::Role;
pub use raw::NodeRequestError;
use raw::RawRequest;

/// A request to a node, and how long it may take.
///
/// ```json
/// {"kind": "probe", "network": "blue", "ip": "10.1.0.7", "deadline_seconds": 10}
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "RawRequest", into = "RawRequest")]
pub struct NodeRequestSpec {
    /// What is asked.
    pub request: NodeRequest,
    /// After how many seconds the answer is cut off, 1–300.
    pub deadline_seconds: u16,
}

/// What may be asked of a node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NodeRequest {
    /// How the agent and what it looks after are.
    Status,
    /// What the agent would do next to make the node as it should be.
    Plan,
    /// Which way a packet would take through the node's switch.
    Trace(Trace),
    /// Packets, as a pcapng file.
    Capture(Capture),
    /// Why an interface is configured as it is.
    Explain(Attachment),
    /// Whether anybody answers for an address.
    Probe(Probe),
}

/// A packet that is not sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trace {
    /// The interface it comes from.
    pub attachment: Attachment,
    /// Where it goes.
    pub to: IpAddr,
    /// Its protocol, and with TCP and UDP its destination port, 1–65535.
    pub protocol: Protocol,
}

/// A protocol on top of IP.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protocol {
    /// ICMP or ICMPv6, an echo request.
    Icmp,
    /// TCP, to this port.
    Tcp(u16),
    /// UDP, to this port.
    Udp(u16),
}

/// Which packets to capture, and how much of them. It ends with whichever limit is met first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Capture {
    /// The interface; without one, the node's uplink.
    pub attachment: Option<Attachment>,
    /// A filter in the syntax of pcap-filter(7), at most 256 bytes of printable ASCII; empty for
    /// everything.
    pub filter: String,
    /// After how many packets it ends, 1–1,000,000.
    pub packets: u32,
    /// How many bytes of each packet are kept, 64–65,535.
    pub snap_bytes: u32,
}

/// An address to ask for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Probe {
    /// The network to ask in.
    pub network: Name,
    /// The address.
    pub ip: IpAddr,
}

impl NodeRequest {
    /// Its kind's one written form.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Status => "status",
            Self::Plan => "plan",
            Self::Trace(_) => "trace",
            Self::Capture(_) => "capture",
            Self::Explain(_) => "explain",
            Self::Probe(_) => "probe",
        }
    }

    /// The least role that may ask this.
    #[must_use]
    pub fn role(&self) -> Role {
        match self {
            Self::Status | Self::Plan | Self::Explain(_) => Role::Viewer,
            // They make the node send packets, or keep it busy.
            Self::Trace(_) | Self::Probe(_) => Role::Operator,
            // It shows what pods say to each other.
            Self::Capture(_) => Role::Admin,
        }
    }

    /// The largest answer, in bytes of its lines.
    #[must_use]
    pub fn answer_limit(&self) -> u64 {
        match self {
            Self::Capture(_) => 64 << 20,
            _ => 1 << 20,
        }
    }
}

impl NodeRequestSpec {
    /// How long a request may take if nothing is said, in seconds.
    pub const DEFAULT_DEADLINE: u16 = 30;
    /// How long a request may take at most, in seconds.
    pub const MAX_DEADLINE: u16 = 300;
}

/// A line of an agent's watch.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum ToAgent {
    /// A request to answer. It comes again, with the same id, on a new watch for as long as its
    /// answer has not begun.
    Request {
        /// Names the request in the answer's URL.
        id: String,
        /// How many seconds are left for the answer.
        seconds_left: u16,
        /// What is asked.
        spec: NodeRequestSpec,
    },
    /// Nobody waits for the answer to this request any more.
    Cancel {
        /// The request.
        id: String,
    },
    /// Nothing happens; it shows that the watch lives.
    Bookmark,
}

/// A line of an answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(tag = "type", rename_all = "snake_case", deny_unknown_fields)]
pub enum AnswerLine {
    /// A piece of the answer; its form is the kind's, and the agent's to define.
    Item {
        /// The piece.
        item: serde_json::Value,
    },
    /// A piece of a file, as a capture's.
    Bytes {
        /// The bytes, in base64 (RFC 4648 §4).
        base64: String,
    },
    /// The answer is complete.
    End,
    /// The answer is not complete, and this is why.
    Error {
        /// Why, for programs.
        code: AnswerErrorCode,
        /// Why, in words.
        detail: String,
    },
}

impl AnswerLine {
    /// Whether nothing follows it.
    #[must_use]
    pub fn is_last(&self) -> bool {
        matches!(self, Self::End | Self::Error { .. })
    }
}

/// What a node saw that probed for an address: the one item of the answer to a request of kind
/// `probe`.
///
/// ```json
/// {"answered_by": "02:00:00:00:00:07"}
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProbeAnswer {
    /// Who answers for it; `null` if nobody does.
    pub answered_by: Option<MacAddr>,
}

/// Why an answer is not complete. Codes are stable.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum AnswerErrorCode {
    /// The node's agent is not connected, or went away.
    NodeUnreachable,
    /// The deadline has passed.
    DeadlineExceeded,
    /// The answer is larger than its kind may be.
    AnswerTooLarge,
    /// The agent sent something that is no line of an answer.
    AnswerInvalid,
    /// The agent refuses, or cannot do it.
    Failed,
    /// This netmaster no longer leads, or ends; ask again.
    Interrupted,
    /// A code of a newer netmaster.
    #[serde(other)]
    Unknown,
}

impl PartialSchema for NodeRequestSpec {
    fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::Schema> {
        RawRequest::schema()
    }
}

impl ToSchema for NodeRequestSpec {
    fn schemas(schemas: &mut Vec<(String, utoipa::openapi::RefOr<utoipa::openapi::Schema>)>) {
        RawRequest::schemas(schemas);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<NodeRequestSpec, serde_json::Error> {
        serde_json::from_str(text)
    }

    #[test]
    fn what_is_written_is_read_back() {
        for text in [
            r#"{"kind":"status","deadline_seconds":30}"#,
            r#"{"kind":"plan","deadline_seconds":300}"#,
            r#"{"kind":"trace","attachment":"c1/eth0","to":"10.1.0.7","protocol":"tcp","port":80,"deadline_seconds":5}"#,
            r#"{"kind":"trace","attachment":"c1/eth0","to":"fd00::7","protocol":"icmp","deadline_seconds":5}"#,
            r#"{"kind":"capture","attachment":"c1/eth0","filter":"tcp port 80","packets":10,"snap_bytes":64,"deadline_seconds":5}"#,
            r#"{"kind":"explain","attachment":"c1/eth0","deadline_seconds":5}"#,
            r#"{"kind":"probe","network":"blue","ip":"10.1.0.7","deadline_seconds":5}"#,
        ] {
            let spec = read(text).unwrap();
            assert_eq!(serde_json::to_string(&spec).unwrap(), text);
        }
    }

    #[test]
    fn what_is_left_out_has_a_default() {
        let spec = read(r#"{"kind": "capture"}"#).unwrap();
        assert_eq!(spec.deadline_seconds, 30);
        assert_eq!(
            spec.request,
            NodeRequest::Capture(Capture {
                attachment: None,
                filter: String::new(),
                packets: 1000,
                snap_bytes: 256,
            })
        );
    }

    #[test]
    fn a_hostile_request_is_refused_by_the_name_of_its_field() {
        for (text, field) in [
            (r#"{"kind": "reboot"}"#, "`kind`"),
            (r#"{"kind": "status", "ip": "10.1.0.7"}"#, "`ip`"),
            (r#"{"kind": "status", "colour": 1}"#, "`colour`"),
            (r#"{"kind": "probe", "network": "blue"}"#, "`ip`"),
            (r#"{"kind": "explain"}"#, "`attachment`"),
            (
                r#"{"kind": "status", "deadline_seconds": 301}"#,
                "`deadline_seconds`",
            ),
            (
                r#"{"kind": "status", "deadline_seconds": 0}"#,
                "`deadline_seconds`",
            ),
            (r#"{"kind": "capture", "packets": 0}"#, "`packets`"),
            (
                r#"{"kind": "capture", "snap_bytes": 65536}"#,
                "`snap_bytes`",
            ),
            (r#"{"kind": "capture", "filter": "a\nb"}"#, "`filter`"),
            (
                r#"{"kind": "trace", "attachment": "c1/eth0", "to": "10.1.0.7", "protocol": "tcp"}"#,
                "`port`",
            ),
            (
                r#"{"kind": "trace", "attachment": "c1/eth0", "to": "10.1.0.7", "protocol": "tcp", "port": 0}"#,
                "`port`",
            ),
            (
                r#"{"kind": "trace", "attachment": "c1/eth0", "to": "10.1.0.7", "port": 80}"#,
                "`port`",
            ),
        ] {
            let error = read(text).unwrap_err().to_string();
            assert!(error.contains(field), "{text}: {error}");
        }
    }

    #[test]
    fn each_kind_has_the_role_that_the_documentation_names() {
        let page = include_str!("../../../docs/operations.md");
        for (kind, text) in [
            ("status", r#"{"kind":"status"}"#),
            ("plan", r#"{"kind":"plan"}"#),
            ("explain", r#"{"kind":"explain","attachment":"c1/eth0"}"#),
            (
                "trace",
                r#"{"kind":"trace","attachment":"c1/eth0","to":"10.1.0.7"}"#,
            ),
            (
                "probe",
                r#"{"kind":"probe","network":"blue","ip":"10.1.0.7"}"#,
            ),
            ("capture", r#"{"kind":"capture"}"#),
        ] {
            let request = read(text).unwrap().request;
            let role = request.role();
            let row = format!("| `{kind}` | {} |", role);
            assert!(page.contains(&row), "{row}");
        }
    }
}

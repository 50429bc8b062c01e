//! Requests and replies.

use std::fmt;
use std::net::IpAddr;

use serde::{Deserialize, Serialize};
use trunkline_types::{Attachment, MacAddr, Mtu, Name, Pod, VlanId};

/// The protocol version that this crate speaks.
pub const PROTOCOL: u16 = 1;

/// What the CNI executable asks.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Request {
    /// The protocol version of the caller.
    pub protocol: u16,
    /// What is asked for.
    pub call: Call,
}

impl Request {
    /// A request in this crate's protocol version.
    #[must_use]
    pub const fn new(call: Call) -> Self {
        Self {
            protocol: PROTOCOL,
            call,
        }
    }
}

/// The calls an agent answers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Call {
    /// Get the assignment of an attachment, the same one each time. Answer: [`Reply::Assigned`].
    Assign(AssignRequest),
    /// The attachment is unplugged and its tombstone stands in OVSDB: tell netmaster, then take
    /// the tombstone away. Answer: [`Reply::Settled`].
    Settle(Attachment),
}

/// Asks for an attachment's assignment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AssignRequest {
    /// The attachment.
    pub attachment: Attachment,
    /// The network it is to be on.
    pub network: Name,
    /// The pod it belongs to, if the caller named one.
    pub pod: Option<Pod>,
}

/// What an attachment is to look like.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Assignment {
    /// The network's name.
    pub network: Name,
    /// The network's VLAN.
    pub vlan: VlanId,
    /// The network's MTU, in bytes.
    pub mtu: Mtu,
    /// The pod's address.
    pub ip: IpAddr,
    /// The prefix length of the address's subnet, in bits.
    pub prefix: u8,
    /// The subnet's gateway, on the top-of-rack switch.
    pub gateway: IpAddr,
    /// The pod interface's MAC address.
    pub mac: MacAddr,
}

/// An agent's answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reply {
    /// To [`Call::Assign`].
    Assigned(Assignment),
    /// To [`Call::Settle`].
    Settled,
    /// The call failed. With [`RefusalCode::Retry`] it may have been done all the same, for the
    /// answer may have got lost; with any other code it changed nothing.
    Refused(Refusal),
}

/// Why a call failed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refusal {
    /// What kind of failure, for the caller to branch on.
    pub code: RefusalCode,
    /// What was tried, with the values, and the way out.
    pub message: String,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Refusal {}

/// Kinds of failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RefusalCode {
    /// The request is not in a protocol version or shape that the agent knows.
    Protocol,
    /// The same call may succeed later: netmaster or OVSDB is away.
    Retry,
    /// The node cannot take pods yet; nobody was asked for an address.
    NotReady,
    /// netmaster refused: the same call will fail until something is changed.
    Denied,
    /// There is no free address.
    Full,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_have_a_stable_written_form() {
        let request = Request::new(Call::Assign(AssignRequest {
            attachment: "c1/eth0".parse().unwrap(),
            network: "blue".parse().unwrap(),
            pod: Some(Pod {
                namespace: "shop".into(),
                name: "web-0".into(),
            }),
        }));
        let text = r#"{"protocol":1,"call":{"assign":{"attachment":"c1/eth0","network":"blue","pod":{"namespace":"shop","name":"web-0"}}}}"#;
        assert_eq!(serde_json::to_string(&request).unwrap(), text);
        assert_eq!(serde_json::from_str::<Request>(text).unwrap(), request);
    }

    #[test]
    fn replies_have_a_stable_written_form() {
        let reply = Reply::Assigned(Assignment {
            network: "blue".parse().unwrap(),
            vlan: "100".parse().unwrap(),
            mtu: Mtu::ETHERNET,
            ip: "10.1.0.10".parse().unwrap(),
            prefix: 24,
            gateway: "10.1.0.254".parse().unwrap(),
            mac: "02:01:0a:01:00:0a".parse().unwrap(),
        });
        let text = r#"{"assigned":{"network":"blue","vlan":100,"mtu":1500,"ip":"10.1.0.10","prefix":24,"gateway":"10.1.0.254","mac":"02:01:0a:01:00:0a"}}"#;
        assert_eq!(serde_json::to_string(&reply).unwrap(), text);
        assert_eq!(serde_json::from_str::<Reply>(text).unwrap(), reply);
    }
}

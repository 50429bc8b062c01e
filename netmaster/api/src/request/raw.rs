//! A request to a node as it is written: which fields belong to which kind, and what they may be.

use std::net::IpAddr;

use serde::{Deserialize, Serialize};
use trunkline_types::{Attachment, Name};
use utoipa::ToSchema;

use super::{Capture, NodeRequest, NodeRequestSpec, Probe, Protocol, Trace};
use crate::schema;

/// The fields as they are written: which of them may be there depends on the kind.
#[derive(Clone, Debug, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NodeRequestSpec)]
pub(super) struct RawRequest {
    kind: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<schema::Attachment>)]
    attachment: Option<Attachment>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<schema::Ip>)]
    to: Option<IpAddr>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    protocol: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    port: Option<u16>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    filter: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    packets: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    snap_bytes: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<schema::Name>)]
    network: Option<Name>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<schema::Ip>)]
    ip: Option<IpAddr>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    deadline_seconds: Option<u16>,
}

/// A request that makes no sense.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NodeRequestError {
    /// The kind does not exist.
    #[error(
        "field `kind`: `{}` is not known: use `status`, `plan`, `trace`, `capture`, `explain` or \
         `probe`",
        kind.escape_debug()
    )]
    Kind {
        /// What was given.
        kind: String,
    },
    /// The kind needs a field.
    #[error("field `{field}` is missing: a request of kind `{kind}` needs it")]
    Missing {
        /// The kind.
        kind: String,
        /// The field.
        field: &'static str,
    },
    /// The kind has no use for a field.
    #[error("field `{field}` does not belong to a request of kind `{kind}`: leave it out")]
    Stray {
        /// The kind.
        kind: String,
        /// The field.
        field: &'static str,
    },
    /// A number is out of its range.
    #[error("field `{field}`: {value} is out of range: use {min}–{max}")]
    Range {
        /// The field.
        field: &'static str,
        /// What was given.
        value: u32,
        /// The least.
        min: u32,
        /// The greatest.
        max: u32,
    },
    /// The protocol does not exist.
    #[error("field `protocol`: `{}` is not known: use `icmp`, `tcp` or `udp`", protocol.escape_debug())]
    Protocol {
        /// What was given.
        protocol: String,
    },
    /// The filter is too long, or has odd characters.
    #[error("field `filter` is not valid: use at most {FILTER_MAX} bytes of printable ASCII")]
    Filter,
}

const FILTER_MAX: usize = 256;
const PACKETS_MAX: u32 = 1_000_000;
const SNAP_MIN: u32 = 64;
const SNAP_MAX: u32 = 65_535;

impl RawRequest {
    /// Refuses the first field that is there and not in `allowed`.
    fn only(&self, allowed: &[&str]) -> Result<(), NodeRequestError> {
        let given = [
            ("attachment", self.attachment.is_some()),
            ("to", self.to.is_some()),
            ("protocol", self.protocol.is_some()),
            ("port", self.port.is_some()),
            ("filter", self.filter.is_some()),
            ("packets", self.packets.is_some()),
            ("snap_bytes", self.snap_bytes.is_some()),
            ("network", self.network.is_some()),
            ("ip", self.ip.is_some()),
        ];
        let stray = given
            .into_iter()
            .find(|(field, there)| *there && !allowed.contains(field));
        match stray {
            Some((field, _)) => Err(NodeRequestError::Stray {
                kind: self.kind.clone(),
                field,
            }),
            None => Ok(()),
        }
    }

    fn need<T>(&self, field: &'static str, value: Option<T>) -> Result<T, NodeRequestError> {
        value.ok_or_else(|| NodeRequestError::Missing {
            kind: self.kind.clone(),
            field,
        })
    }

    fn protocol(&self) -> Result<Protocol, NodeRequestError> {
        let port = || -> Result<u16, NodeRequestError> {
            let port = self.need("port", self.port)?;
            in_range("port", port.into(), 1, u16::MAX.into())?;
            Ok(port)
        };
        let name = self.protocol.as_deref().unwrap_or("icmp");
        match name {
            "icmp" if self.port.is_some() => Err(NodeRequestError::Stray {
                kind: "trace of `icmp`".to_owned(),
                field: "port",
            }),
            "icmp" => Ok(Protocol::Icmp),
            "tcp" => Ok(Protocol::Tcp(port()?)),
            "udp" => Ok(Protocol::Udp(port()?)),
            other => Err(NodeRequestError::Protocol {
                protocol: other.to_owned(),
            }),
        }
    }

    fn capture(self) -> Result<Capture, NodeRequestError> {
        let filter = self.filter.unwrap_or_default();
        let printable = |byte: u8| byte == b' ' || byte.is_ascii_graphic();
        if filter.len() > FILTER_MAX || !filter.bytes().all(printable) {
            return Err(NodeRequestError::Filter);
        }
        Ok(Capture {
            attachment: self.attachment,
            filter,
            packets: in_range("packets", self.packets.unwrap_or(1000), 1, PACKETS_MAX)?,
            snap_bytes: in_range(
                "snap_bytes",
                self.snap_bytes.unwrap_or(256),
                SNAP_MIN,
                SNAP_MAX,
            )?,
        })
    }
}

fn in_range(field: &'static str, value: u32, min: u32, max: u32) -> Result<u32, NodeRequestError> {
    if (min..=max).contains(&value) {
        return Ok(value);
    }
    Err(NodeRequestError::Range {
        field,
        value,
        min,
        max,
    })
}

impl TryFrom<RawRequest> for NodeRequestSpec {
    type Error = NodeRequestError;

    fn try_from(raw: RawRequest) -> Result<Self, NodeRequestError> {
        let deadline_seconds = raw.deadline_seconds.unwrap_or(Self::DEFAULT_DEADLINE);
        in_range(
            "deadline_seconds",
            deadline_seconds.into(),
            1,
            Self::MAX_DEADLINE.into(),
        )?;
        let request = match raw.kind.as_str() {
            "status" => {
                raw.only(&[])?;
                NodeRequest::Status
            }
            "plan" => {
                raw.only(&[])?;
                NodeRequest::Plan
            }
            "trace" => {
                raw.only(&["attachment", "to", "protocol", "port"])?;
                NodeRequest::Trace(Trace {
                    protocol: raw.protocol()?,
                    attachment: raw.need("attachment", raw.attachment.clone())?,
                    to: raw.need("to", raw.to)?,
                })
            }
            "capture" => {
                raw.only(&["attachment", "filter", "packets", "snap_bytes"])?;
                NodeRequest::Capture(raw.capture()?)
            }
            "explain" => {
                raw.only(&["attachment"])?;
                NodeRequest::Explain(raw.need("attachment", raw.attachment.clone())?)
            }
            "probe" => {
                raw.only(&["network", "ip"])?;
                NodeRequest::Probe(Probe {
                    network: raw.need("network", raw.network.clone())?,
                    ip: raw.need("ip", raw.ip)?,
                })
            }
            _ => return Err(NodeRequestError::Kind { kind: raw.kind }),
        };
        Ok(Self {
            request,
            deadline_seconds,
        })
    }
}

impl From<NodeRequestSpec> for RawRequest {
    fn from(spec: NodeRequestSpec) -> Self {
        let raw = Self {
            kind: spec.request.kind().to_owned(),
            deadline_seconds: Some(spec.deadline_seconds),
            ..Self::default()
        };
        match spec.request {
            NodeRequest::Status | NodeRequest::Plan => raw,
            NodeRequest::Trace(trace) => {
                let (protocol, port) = match trace.protocol {
                    Protocol::Icmp => ("icmp", None),
                    Protocol::Tcp(port) => ("tcp", Some(port)),
                    Protocol::Udp(port) => ("udp", Some(port)),
                };
                Self {
                    attachment: Some(trace.attachment),
                    to: Some(trace.to),
                    protocol: Some(protocol.to_owned()),
                    port,
                    ..raw
                }
            }
            NodeRequest::Capture(capture) => Self {
                attachment: capture.attachment,
                filter: Some(capture.filter),
                packets: Some(capture.packets),
                snap_bytes: Some(capture.snap_bytes),
                ..raw
            },
            NodeRequest::Explain(attachment) => Self {
                attachment: Some(attachment),
                ..raw
            },
            NodeRequest::Probe(probe) => Self {
                network: Some(probe.network),
                ip: Some(probe.ip),
                ..raw
            },
        }
    }
}

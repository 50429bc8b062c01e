//! The netmaster API, version 1: what goes over the wire, and a client.
//!
//! | request | answer |
//! |---|---|
//! | `POST /v1/networks` [`NetworkSpec`] | 201 [`Network`] |
//! | `GET /v1/networks` · `GET /v1/networks/{name}` | [`List`] of [`Network`] · [`Network`] |
//! | `DELETE /v1/networks/{name}` | 204 |
//! | `POST /v1/subnets` [`SubnetSpec`] | 201 [`Subnet`] |
//! | `GET /v1/subnets` · `GET /v1/subnets/{name}` | [`List`] of [`Subnet`] · [`Subnet`] |
//! | `DELETE /v1/subnets/{name}` | 204 |
//! | `PUT /v1/nodes/{name}` [`NodeSpec`] | 200 [`Node`], whether it was there or not |
//! | `GET /v1/nodes` · `GET /v1/nodes/{name}` | [`List`] of [`Node`] · [`Node`] |
//! | `POST /v1/endpoints` [`EndpointSpec`] | 201 [`Endpoint`]; 200 with the same if it was there |
//! | `GET /v1/endpoints` · `GET /v1/endpoints/{container}/{ifname}` | [`List`] of [`Endpoint`] · [`Endpoint`] |
//! | `DELETE /v1/endpoints/{container}/{ifname}` | 204, whether it was there or not |
//! | `GET /healthz` | 200 once requests are served |
//!
//! Anything else is answered with a [`Problem`]. Requests are checked strictly: a field that is
//! not known is an error. Answers are read tolerantly, so that a client works with a newer
//! netmaster.
//!
//! The objects here are views: an [`Endpoint`] has the VLAN of its network and the gateway of its
//! subnet, so that nobody has to ask three times. What is stored is another matter, and another
//! crate's.

mod client;
mod cluster;
mod code;
mod endpoint;
mod event;
mod history;
mod list;
mod network;
mod node;
mod problem;
mod request;
mod subnet;

pub use client::{Client, ClientError};
pub use cluster::{Awaiting, Cluster, header};
pub use code::ErrorCode;
pub use endpoint::{Endpoint, EndpointAddress, EndpointSpec};
pub use event::Event;
pub use history::{AddressHistory, Holding};
pub use list::List;
pub use network::{Network, NetworkSpec};
pub use node::{Node, NodeSpec};
pub use problem::Problem;
pub use request::{
    AnswerErrorCode, AnswerLine, Capture, NodeRequest, NodeRequestError, NodeRequestSpec, Probe,
    ProbeAnswer, Protocol, Role, ToAgent, Trace,
};
pub use subnet::{Subnet, SubnetSpec};

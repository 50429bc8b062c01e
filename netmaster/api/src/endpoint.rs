//! Endpoints.

use std::net::IpAddr;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize};
use trunkline_types::{Attachment, Dscp, Labels, MacAddr, Mtu, Name, Pod, VlanId};
use utoipa::ToSchema;

use crate::{Holder, HolderKind, Rate, field, schema};

/// A wish for an address.
///
/// ```json
/// {"attachment": "4f5e1c/eth0", "network": "blue", "node": "node1",
///  "pod": {"namespace": "shop", "name": "web-0"}}
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct EndpointSpec {
    /// Which interface of which container it is for, as `<container id>/<interface name>`.
    #[schema(value_type = schema::Attachment)]
    pub attachment: Attachment,
    /// The node the container runs on.
    #[schema(value_type = schema::Name)]
    pub node: Name,
    /// The node's fence, as it was told when it registered; if left out, it is not checked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fence: Option<u64>,
    /// The pod, if the runtime named one.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        deserialize_with = "field::pod"
    )]
    #[schema(value_type = Option<PodSchema>)]
    pub pod: Option<Pod>,
    /// The orchestrator's id of the pod, 1–128 bytes; tells a pod from its namesake that came
    /// before.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        deserialize_with = "field::id"
    )]
    #[schema(min_length = 1, max_length = 128)]
    pub pod_uid: Option<String>,
    /// The pod's labels, which groups choose it by.
    #[serde(
        default,
        skip_serializing_if = "Labels::is_empty",
        deserialize_with = "field::labels"
    )]
    #[schema(value_type = schema::Labels)]
    pub pod_labels: Labels,
    /// The StatefulSet or other workload that the pod is of, which reservations are for; its kind
    /// is not `pod`.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        deserialize_with = "workload"
    )]
    pub workload: Option<Holder>,
    /// The network the pod itself asks for; if left out, a group says which.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<schema::Name>)]
    pub network: Option<Name>,
    /// The pool the pod itself asks for; if left out, a group may say which.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<schema::Name>)]
    pub pool: Option<Name>,
    /// The profile the pod itself asks for; if left out, a group may say which.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<schema::Name>)]
    pub profile: Option<Name>,
    /// The addresses it is to have, at most one of each family; if empty, netmaster chooses.
    #[serde(
        default,
        skip_serializing_if = "Vec::is_empty",
        deserialize_with = "field::fixed"
    )]
    #[schema(value_type = Vec<schema::Ip>, max_items = 2)]
    pub addresses: Vec<IpAddr>,
    /// The MAC address it is to have; if left out, it follows from the address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<schema::Mac>)]
    pub mac: Option<MacAddr>,
    /// Addresses of the node's reserve that it has been given already, at most one of each family;
    /// if empty, netmaster chooses.
    #[serde(
        default,
        skip_serializing_if = "Vec::is_empty",
        deserialize_with = "field::fixed"
    )]
    #[schema(value_type = Vec<schema::Ip>, max_items = 2)]
    pub leased: Vec<IpAddr>,
}

impl EndpointSpec {
    /// The wish for any address for `attachment` on `node`, of a network that groups choose.
    #[must_use]
    pub fn new(attachment: Attachment, node: Name) -> Self {
        Self {
            attachment,
            node,
            fence: None,
            pod: None,
            pod_uid: None,
            pod_labels: Labels::default(),
            workload: None,
            network: None,
            pool: None,
            profile: None,
            addresses: Vec::new(),
            mac: None,
            leased: Vec::new(),
        }
    }
}

/// One interface of one container, and all that is needed to build it.
///
/// ```json
/// {"attachment": "4f5e1c/eth0", "pod": {"namespace": "shop", "name": "web-0"},
///  "node": "node1", "network": "blue", "vlan": 100, "mtu": 1500,
///  "mac": "02:01:0a:01:00:0a",
///  "addresses": [{"ip": "10.1.0.10", "prefix": 24, "gateway": "10.1.0.1", "subnet": "blue-r1"}],
///  "created": 1700000000, "revision": 17}
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Endpoint {
    /// Which interface of which container, as `<container id>/<interface name>`.
    #[schema(value_type = schema::Attachment)]
    pub attachment: Attachment,
    /// The pod, if the runtime named one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<PodSchema>)]
    pub pod: Option<Pod>,
    /// The orchestrator's id of the pod.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pod_uid: Option<String>,
    /// The node the container runs on.
    #[schema(value_type = schema::Name)]
    pub node: Name,
    /// The network it is on.
    #[schema(value_type = schema::Name)]
    pub network: Name,
    /// The network's VLAN.
    #[schema(value_type = u16, minimum = 1, maximum = 4094)]
    pub vlan: VlanId,
    /// The network's MTU, in bytes.
    #[schema(value_type = u16, minimum = 1280, maximum = 9216)]
    pub mtu: Mtu,
    /// The interface's MAC address.
    #[schema(value_type = schema::Mac)]
    pub mac: MacAddr,
    /// The interface's addresses, at least one and at most one of each family.
    pub addresses: Vec<EndpointAddress>,
    /// What its traffic is held to; absent if to nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub qos: Option<Qos>,
    /// The reservation that its addresses are kept by.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<schema::Name>)]
    pub reservation: Option<Name>,
    /// When they were handed out, in seconds since 1970-01-01 00:00:00 UTC.
    pub created: u64,
    /// The number of the change that made it what it is. A change of its network, subnet or
    /// profile does not change it.
    pub revision: u64,
}

/// One address of an endpoint.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct EndpointAddress {
    /// The address.
    #[schema(value_type = schema::Ip)]
    pub ip: IpAddr,
    /// The subnet's prefix length, in bits.
    #[schema(maximum = 128)]
    pub prefix: u8,
    /// The subnet's gateway.
    #[schema(value_type = schema::Ip)]
    pub gateway: IpAddr,
    /// The subnet it is from.
    #[schema(value_type = schema::Name)]
    pub subnet: Name,
}

/// What an endpoint's traffic is held to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Qos {
    /// The profile that says so.
    #[schema(value_type = schema::Name)]
    pub profile: Name,
    /// The limit of what it receives; absent if there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ingress: Option<Rate>,
    /// The limit of what it sends; absent if there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub egress: Option<Rate>,
    /// What its packets are marked with; absent if with what the pod set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<u8>, minimum = 0, maximum = 63)]
    pub dscp: Option<Dscp>,
}

fn workload<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Holder>, D::Error> {
    let workload = Option::<Holder>::deserialize(deserializer)?;
    if workload
        .as_ref()
        .is_some_and(|one| one.kind == HolderKind::Pod)
    {
        return Err(D::Error::custom(
            "kind `pod` is no workload: use `stateful_set` or `workload`, or leave it out",
        ));
    }
    Ok(workload)
}

/// A pod's identity as the orchestrator gives it; stands in for [`Pod`] in the API document.
#[derive(ToSchema)]
#[schema(as = Pod)]
#[expect(dead_code, reason = "only its schema is used")]
pub(crate) struct PodSchema {
    /// The pod's namespace, 1–253 bytes.
    #[schema(min_length = 1, max_length = 253)]
    namespace: String,
    /// The pod's name, 1–253 bytes.
    #[schema(min_length = 1, max_length = 253)]
    name: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn three_fields_are_enough() {
        let text = r#"{"attachment": "c1/eth0", "network": "blue", "node": "n1", "pod": null}"#;
        let spec: EndpointSpec = serde_json::from_str(text).unwrap();
        let expected = EndpointSpec {
            network: Some("blue".parse().unwrap()),
            ..EndpointSpec::new("c1/eth0".parse().unwrap(), "n1".parse().unwrap())
        };
        assert_eq!(spec, expected);
    }
}

//! Endpoints.

use std::net::IpAddr;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize};
use trunkline_types::{Attachment, MacAddr, Mtu, Name, Pod, VlanId};

/// A wish for an address.
///
/// ```json
/// {"attachment": "4f5e1c/eth0", "network": "blue", "node": "node1",
///  "pod": {"namespace": "shop", "name": "web-0"}}
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EndpointSpec {
    /// Which interface of which container it is for, as `<container id>/<interface name>`.
    pub attachment: Attachment,
    /// The network it is to be on.
    pub network: Name,
    /// The node the container runs on.
    pub node: Name,
    /// The pod, if the runtime named one.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        deserialize_with = "checked_pod"
    )]
    pub pod: Option<Pod>,
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
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Endpoint {
    /// Which interface of which container, as `<container id>/<interface name>`.
    pub attachment: Attachment,
    /// The pod, if the runtime named one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pod: Option<Pod>,
    /// The node the container runs on.
    pub node: Name,
    /// The network it is on.
    pub network: Name,
    /// The network's VLAN.
    pub vlan: VlanId,
    /// The network's MTU, in bytes.
    pub mtu: Mtu,
    /// The interface's MAC address.
    pub mac: MacAddr,
    /// The interface's addresses, at least one. A list, because a pod may come to have one of each
    /// family.
    pub addresses: Vec<EndpointAddress>,
    /// When they were handed out, in seconds since 1970-01-01 00:00:00 UTC.
    pub created: u64,
    /// The number of the change that made it what it is.
    pub revision: u64,
}

/// One address of an endpoint.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EndpointAddress {
    /// The address.
    pub ip: IpAddr,
    /// The subnet's prefix length, in bits.
    pub prefix: u8,
    /// The subnet's gateway.
    pub gateway: IpAddr,
    /// The subnet it is from.
    pub subnet: Name,
}

/// Kubernetes' limit, for namespaces and names alike.
const POD_NAME_MAX: usize = 253;

/// Reads a pod as strictly as the rest of a request: nothing but namespace and name, and both fit
/// to be printed on a line.
fn checked_pod<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Pod>, D::Error> {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct RawPod {
        namespace: String,
        name: String,
    }
    let Some(raw) = Option::<RawPod>::deserialize(deserializer)? else {
        return Ok(None);
    };
    for (what, text) in [("namespace", &raw.namespace), ("name", &raw.name)] {
        let printable = text
            .bytes()
            .all(|byte| byte.is_ascii_graphic() && byte != b'/');
        if text.is_empty() || text.len() > POD_NAME_MAX || !printable {
            return Err(D::Error::custom(format!(
                "pod {what} `{}` is not valid: use 1–{POD_NAME_MAX} bytes of ASCII without `/` or \
                 white space",
                text.escape_debug()
            )));
        }
    }
    Ok(Some(Pod {
        namespace: raw.namespace,
        name: raw.name,
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(pod: &str) -> Result<EndpointSpec, serde_json::Error> {
        let rest = r#""attachment": "c1/eth0", "network": "blue", "node": "n1""#;
        serde_json::from_str(&format!("{{{rest}{pod}}}"))
    }

    #[test]
    fn a_pod_may_be_left_out() {
        assert_eq!(read("").unwrap().pod, None);
        assert_eq!(read(r#", "pod": null"#).unwrap().pod, None);
    }

    #[test]
    fn a_hostile_pod_is_refused() {
        for bad in [
            r#"{"namespace": "shop"}"#,
            r#"{"namespace": "shop", "name": ""}"#,
            r#"{"namespace": "shop", "name": "a\nb"}"#,
            r#"{"namespace": "a/b", "name": "web"}"#,
            r#"{"namespace": "shop", "name": "web", "uid": "1"}"#,
        ] {
            assert!(read(&format!(r#", "pod": {bad}"#)).is_err(), "{bad}");
        }
    }
}

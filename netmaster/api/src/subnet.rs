//! Subnets.

use std::net::IpAddr;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize};
use trunkline_types::{AddressRange, Cidr, Name};

/// The subnet that is wanted.
///
/// ```json
/// {"name": "blue-r1", "network": "blue", "cidr": "10.1.0.0/24", "gateway": "10.1.0.1",
///  "ranges": ["10.1.0.10-10.1.0.99"], "rack": "r1"}
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SubnetSpec {
    /// The subnet's name; no other subnet has it.
    pub name: Name,
    /// The network it is to belong to.
    pub network: Name,
    /// Its addresses; no other subnet has any of them.
    pub cidr: Cidr,
    /// The top-of-rack switch's address in it.
    #[serde(deserialize_with = "checked_address")]
    pub gateway: IpAddr,
    /// What may be handed out; if left out or empty, every host address but the gateway.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub ranges: Vec<AddressRange>,
    /// The rack whose nodes may use it; if left out, all nodes may.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rack: Option<Name>,
}

/// A CIDR of a network.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Subnet {
    /// The subnet's name.
    pub name: Name,
    /// The network it belongs to.
    pub network: Name,
    /// Its addresses.
    pub cidr: Cidr,
    /// The top-of-rack switch's address in it; never handed out.
    pub gateway: IpAddr,
    /// What may be handed out, in order.
    pub ranges: Vec<AddressRange>,
    /// The rack whose nodes may use it; absent if all nodes may.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rack: Option<Name>,
    /// How many addresses are in use.
    pub in_use: u64,
    /// How many addresses there are to hand out, in use or not.
    pub capacity: u64,
    /// The number of the change that made the subnet what it is. Addresses come and go without
    /// changing it.
    pub revision: u64,
}

/// Reads an address; unlike the one of the standard library, the refusal quotes what was given.
fn checked_address<'de, D: Deserializer<'de>>(deserializer: D) -> Result<IpAddr, D::Error> {
    let text = String::deserialize(deserializer)?;
    text.parse().map_err(|_| {
        D::Error::custom(format!(
            "`{}` is not an IP address: write it like `10.1.0.1`",
            text.escape_debug()
        ))
    })
}

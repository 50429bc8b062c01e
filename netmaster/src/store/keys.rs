//! Where an object is in the store.
//!
//! ```text
//! /trunkline/schema                             how all that follows is to be read
//! /trunkline/v1/revision                        the number of the last change
//! /trunkline/v1/networks/<name>
//! /trunkline/v1/subnets/<name>
//! /trunkline/v1/nodes/<name>
//! /trunkline/v1/addresses/<ip>                  in canonical form
//! /trunkline/v1/endpoints/<container>/<ifname>
//! ```
//!
//! No part needs escaping: the types of the parts allow no `/`.

use trunkline_ipam::Key;

/// The key of the schema's version.
pub(super) const SCHEMA: &str = "/trunkline/schema";
/// The key of the last change's number.
pub(super) const REVISION: &str = "/trunkline/v1/revision";

/// What all keys but the schema's begin with.
pub(super) const PREFIX: &str = "/trunkline/v1/";

/// What the keys of records begin with, in order: they are stored, but not kept in memory.
pub const RECORDS: [&str; 2] = ["/trunkline/v1/events/", "/trunkline/v1/holdings/"];

/// Where the object with this key is.
pub(super) fn path(key: &Key) -> String {
    match key {
        Key::Network(name) => format!("{PREFIX}networks/{name}"),
        Key::Subnet(name) => format!("{PREFIX}subnets/{name}"),
        Key::Node(name) => format!("{PREFIX}nodes/{name}"),
        Key::Address(ip) => format!("{PREFIX}addresses/{ip}"),
        Key::Endpoint(attachment) => format!("{PREFIX}endpoints/{attachment}"),
    }
}

/// The key of the object that is at `path`.
pub(super) fn key(path: &str) -> Option<Key> {
    let (kind, rest) = path.strip_prefix(PREFIX)?.split_once('/')?;
    match kind {
        "networks" => rest.parse().ok().map(Key::Network),
        "subnets" => rest.parse().ok().map(Key::Subnet),
        "nodes" => rest.parse().ok().map(Key::Node),
        "addresses" => rest.parse().ok().map(Key::Address),
        "endpoints" => rest.parse().ok().map(Key::Endpoint),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_as_documented_and_lead_back_to_their_key() {
        for (path_text, expected) in [
            (
                "/trunkline/v1/networks/blue",
                Key::Network("blue".parse().unwrap()),
            ),
            (
                "/trunkline/v1/subnets/blue-r1",
                Key::Subnet("blue-r1".parse().unwrap()),
            ),
            (
                "/trunkline/v1/nodes/node1",
                Key::Node("node1".parse().unwrap()),
            ),
            (
                "/trunkline/v1/addresses/10.1.0.10",
                Key::Address("10.1.0.10".parse().unwrap()),
            ),
            (
                "/trunkline/v1/endpoints/4f5e/eth0",
                Key::Endpoint("4f5e/eth0".parse().unwrap()),
            ),
        ] {
            assert_eq!(key(path_text), Some(expected.clone()));
            assert_eq!(path(&expected), path_text);
        }
        for stray in [
            REVISION,
            SCHEMA,
            "/trunkline/v1/pools/a",
            "/trunkline/v1/networks/A",
        ] {
            assert_eq!(key(stray), None, "{stray}");
        }
    }
}

//! Where an object is in the store.
//!
//! ```text
//! /trunkline/schema                             how all that follows is to be read
//! /trunkline/v1/revision                        the number of the last change
//! /trunkline/v1/cluster
//! /trunkline/v1/networks/<name>
//! /trunkline/v1/subnets/<name>
//! /trunkline/v1/pools/<subnet>/<name>
//! /trunkline/v1/groups/<name>
//! /trunkline/v1/profiles/<name>
//! /trunkline/v1/reservations/<name>
//! /trunkline/v1/nodes/<name>
//! /trunkline/v1/addresses/<ip>                  in canonical form
//! /trunkline/v1/endpoints/<container>/<ifname>
//! /trunkline/v1/tokens/<name>
//! /trunkline/v1/lockouts/<node>
//! /trunkline/v1/holdings/<ip>/<revision>        the past: of 20 digits, so that keys sort by it
//! /trunkline/v1/events/<revision>               the same
//! /trunkline/v1/audit/<revision>                the same
//! ```
//!
//! No part needs escaping: the types of the parts allow no `/`.

use std::net::IpAddr;

use trunkline_ipam::{Key, Revision};

/// The key of the schema's version.
pub(super) const SCHEMA: &str = "/trunkline/schema";
/// The key of the last change's number.
pub(super) const REVISION: &str = "/trunkline/v1/revision";

/// The key of the cluster's identity.
const CLUSTER: &str = "/trunkline/v1/cluster";

/// What all keys but the schema's begin with.
pub(super) const PREFIX: &str = "/trunkline/v1/";

/// What the keys of records begin with, in order: they are stored, but not kept in memory.
pub(super) const RECORDS: [&str; 3] = [AUDIT, EVENTS, HOLDINGS];
/// What the keys of the audit's records begin with.
pub(crate) const AUDIT: &str = "/trunkline/v1/audit/";
/// What the keys of events begin with.
pub(crate) const EVENTS: &str = "/trunkline/v1/events/";
/// What the keys of past holdings begin with.
pub(crate) const HOLDINGS: &str = "/trunkline/v1/holdings/";

/// Whether a key is the store's own, not an object's.
pub(crate) fn is_own(path: &str) -> bool {
    matches!(path, SCHEMA | REVISION)
}

/// The first key after all that begin with `prefix`, which is text and not empty.
pub(super) fn end_of(prefix: &str) -> String {
    let mut end = prefix.to_owned();
    let last = end
        .pop()
        .and_then(|last| char::from_u32(u32::from(last) + 1));
    end.extend(last);
    end
}

/// Where all objects, records and the revision's key are: from the first, inclusive, to the second,
/// exclusive.
pub(super) fn everything() -> (String, String) {
    (PREFIX.to_owned(), end_of(PREFIX))
}

/// Where all of those are without the records, in order.
pub(super) fn loaded() -> Vec<(String, String)> {
    let (mut from, end) = everything();
    let mut ranges = Vec::new();
    // In order, so that what is left lies between them.
    for records in RECORDS {
        ranges.push((from, records.to_owned()));
        from = end_of(records);
    }
    ranges.push((from, end));
    ranges
}

/// Whether a key is that of a record.
pub(crate) fn is_record(path: &str) -> bool {
    RECORDS.iter().any(|records| path.starts_with(records))
}

/// Where the object with this key is.
pub(super) fn path(key: &Key) -> String {
    match key {
        Key::Cluster => CLUSTER.to_owned(),
        Key::Network(name) => format!("{PREFIX}networks/{name}"),
        Key::Subnet(name) => format!("{PREFIX}subnets/{name}"),
        Key::Pool(subnet, name) => format!("{PREFIX}pools/{subnet}/{name}"),
        Key::Group(name) => format!("{PREFIX}groups/{name}"),
        Key::Profile(name) => format!("{PREFIX}profiles/{name}"),
        Key::Reservation(name) => format!("{PREFIX}reservations/{name}"),
        Key::Node(name) => format!("{PREFIX}nodes/{name}"),
        Key::Address(ip) => format!("{PREFIX}addresses/{ip}"),
        Key::Endpoint(attachment) => format!("{PREFIX}endpoints/{attachment}"),
        Key::Token(name) => format!("{PREFIX}tokens/{name}"),
        Key::Lockout(node) => format!("{PREFIX}lockouts/{node}"),
        Key::Holding(ip, revision) => format!("{HOLDINGS}{ip}/{:020}", revision.number()),
        Key::Event(revision) => format!("{EVENTS}{:020}", revision.number()),
        Key::Audit(revision) => format!("{AUDIT}{:020}", revision.number()),
    }
}

/// The key of the object that is at `path`. There is one path for each key: what can be read as
/// one, but is written in another form, is none.
pub(super) fn key(path: &str) -> Option<Key> {
    if path == CLUSTER {
        return Some(Key::Cluster);
    }
    let (kind, rest) = path.strip_prefix(PREFIX)?.split_once('/')?;
    match kind {
        "networks" => rest.parse().ok().map(Key::Network),
        "subnets" => rest.parse().ok().map(Key::Subnet),
        "pools" => {
            let (subnet, name) = rest.split_once('/')?;
            Some(Key::Pool(subnet.parse().ok()?, name.parse().ok()?))
        }
        "groups" => rest.parse().ok().map(Key::Group),
        "profiles" => rest.parse().ok().map(Key::Profile),
        "reservations" => rest.parse().ok().map(Key::Reservation),
        "nodes" => rest.parse().ok().map(Key::Node),
        "addresses" => address(rest).map(Key::Address),
        "endpoints" => rest.parse().ok().map(Key::Endpoint),
        "holdings" => {
            let (ip, number) = rest.split_once('/')?;
            Some(Key::Holding(address(ip)?, revision(number)?))
        }
        "tokens" => rest.parse().ok().map(Key::Token),
        "lockouts" => rest.parse().ok().map(Key::Lockout),
        "events" => revision(rest).map(Key::Event),
        "audit" => revision(rest).map(Key::Audit),
        _ => None,
    }
}

/// The address that is written in canonical form. An IPv4 address has no other.
fn address(text: &str) -> Option<IpAddr> {
    let ip: IpAddr = text.parse().ok()?;
    (ip.is_ipv4() || ip.to_string() == text).then_some(ip)
}

/// The revision that is written as 20 digits.
fn revision(digits: &str) -> Option<Revision> {
    // `parse` would take a sign.
    (digits.len() == 20 && digits.starts_with(|first: char| first.is_ascii_digit()))
        .then(|| digits.parse().ok())
        .flatten()
        .map(Revision::new)
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
            ("/trunkline/v1/cluster", Key::Cluster),
            (
                "/trunkline/v1/pools/blue-r1/nodes",
                Key::Pool("blue-r1".parse().unwrap(), "nodes".parse().unwrap()),
            ),
            (
                "/trunkline/v1/groups/web",
                Key::Group("web".parse().unwrap()),
            ),
            (
                "/trunkline/v1/profiles/gold",
                Key::Profile("gold".parse().unwrap()),
            ),
            (
                "/trunkline/v1/reservations/db",
                Key::Reservation("db".parse().unwrap()),
            ),
            (
                "/trunkline/v1/holdings/fd00::7/00000000000000000042",
                Key::Holding("fd00::7".parse().unwrap(), Revision::new(42)),
            ),
            (
                "/trunkline/v1/events/00000000000000000042",
                Key::Event(Revision::new(42)),
            ),
            (
                "/trunkline/v1/audit/00000000000000000042",
                Key::Audit(Revision::new(42)),
            ),
            ("/trunkline/v1/tokens/ci", Key::Token("ci".parse().unwrap())),
            (
                "/trunkline/v1/lockouts/n17",
                Key::Lockout("n17".parse().unwrap()),
            ),
        ] {
            assert_eq!(key(path_text), Some(expected.clone()));
            assert_eq!(path(&expected), path_text);
        }
        for stray in [
            REVISION,
            SCHEMA,
            "/trunkline/v1/pools/a",
            "/trunkline/v1/events/42",
            "/trunkline/v1/networks/A",
            "/trunkline/v1/addresses/FD00::7",
            "/trunkline/v1/events/+0000000000000000042",
        ] {
            assert_eq!(key(stray), None, "{stray}");
        }
    }
}

//! The marks by which an object is recognised as ours, on every version and after every restart.
//! Objects without their mark are never touched.

use std::collections::BTreeMap;
use std::hash::Hasher;

use fnv::FnvHasher;
use trunkline_types::Attachment;

/// The name of the node's bridge, where nobody says otherwise.
pub const DEFAULT_BRIDGE: &str = "br-trunk";

/// Bridge, `external_ids`: the node whose agent made the bridge.
pub const BRIDGE_OWNER: &str = "trunkline-node";
/// Port and interface, `external_ids`: this port is the bridge's uplink.
pub const UPLINK: &str = "trunkline-uplink";
/// Port and interface, `external_ids`: the attachment that the port belongs to.
pub const ATTACHMENT: &str = "trunkline-attachment";
/// Port and interface, `external_ids`: the name of the attachment's network.
pub const NETWORK: &str = "trunkline-network";
/// Port and interface, `external_ids`: the attachment's address.
pub const IP: &str = "trunkline-ip";
/// Port and interface, `external_ids`: the attachment's MAC address.
pub const MAC: &str = "trunkline-mac";
/// Port and interface, `external_ids`: the pod, as `<namespace>/<name>`.
pub const POD: &str = "trunkline-pod";

const TOMBSTONE_PREFIX: &str = "trunkline-gone:";
const LINK_PREFIX: &str = "tl";

/// The bridge's `external_ids` key of an attachment's tombstone: the attachment is unplugged, and
/// netmaster has yet to be told.
#[must_use]
pub fn tombstone(attachment: &Attachment) -> String {
    format!("{TOMBSTONE_PREFIX}{attachment}")
}

/// The attachments that have a tombstone among a bridge's `external_ids`.
pub fn tombstones(bridge_ids: &BTreeMap<String, String>) -> impl Iterator<Item = Attachment> {
    bridge_ids
        .keys()
        .filter_map(|key| key.strip_prefix(TOMBSTONE_PREFIX))
        .filter_map(|text| text.parse().ok())
}

/// A number for an attachment, the same in every version: the 64-bit FNV-1a hash of its text.
#[must_use]
pub fn attachment_hash(attachment: &Attachment) -> u64 {
    let mut hasher = FnvHasher::default();
    hasher.write(attachment.to_string().as_bytes());
    hasher.finish()
}

/// The name of an attachment's link on the node: `tl` and 13 letters and digits, 15 bytes in all,
/// as long as Linux allows.
///
/// The 13 are [`attachment_hash`] in base 32 (RFC 4648's alphabet, lower
/// case). Two attachments of one node with the same hash are as good as impossible, and the
/// link's alias tells them apart all the same: see [`link_alias`].
#[must_use]
pub fn link_name(attachment: &Attachment) -> String {
    const ALPHABET: &[u8; 32] = b"abcdefghijklmnopqrstuvwxyz234567";
    let hash = attachment_hash(attachment);
    let digits = (0..13).map(|place| {
        let index = usize::try_from((hash >> (place * 5)) & 31).unwrap_or(0);
        char::from(ALPHABET[index])
    });
    LINK_PREFIX.chars().chain(digits).collect()
}

/// The alias (`ip link show`) of an attachment's link on the node.
#[must_use]
pub fn link_alias(attachment: &Attachment) -> String {
    format!("trunkline:{attachment}")
}

/// Whether a link of the name [`link_name`] gives is the attachment's.
///
/// A link is created first and given its alias next, so one of our name that has none is ours,
/// half-made; an alias of someone else makes it someone else's.
#[must_use]
pub fn is_own_link(attachment: &Attachment, alias: Option<&str>) -> bool {
    alias.is_none_or(|alias| alias == link_alias(attachment))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn link_names_stay_the_same_from_version_to_version() {
        assert_eq!(link_name(&"c1/eth0".parse().unwrap()), "tltw6a3npva5j4j");
        assert_ne!(
            link_name(&"c1/eth0".parse().unwrap()),
            link_name(&"c1/eth1".parse().unwrap())
        );
    }

    #[test]
    fn tombstones_are_found_among_foreign_keys() {
        let gone: Attachment = "c1/eth0".parse().unwrap();
        let ids = BTreeMap::from([
            (tombstone(&gone), "10.1.0.10".to_owned()),
            ("hwaddr".to_owned(), "x".to_owned()),
            (
                format!("{TOMBSTONE_PREFIX}not an attachment"),
                String::new(),
            ),
        ]);
        assert_eq!(tombstones(&ids).collect::<Vec<_>>(), [gone]);
    }
}

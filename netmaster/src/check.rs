//! Whether what is in memory is what is in the store.

use std::collections::BTreeSet;

use trunkline_ipam::{Catalog, Key, Kind, Object, Revision};
use trunkline_types::chain;

use crate::store::{Position, Reader, StoreError, decode};

/// What the store and this netmaster's memory do not agree on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Difference {
    /// The object; none if what is stored under the key cannot be read.
    pub(crate) about: Option<Key>,
    /// What says so.
    pub(crate) evidence: String,
}

/// What a comparison comes to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Comparison {
    pub(crate) differences: Vec<Difference>,
    /// What the memory has and the store does not, or not any more.
    pub(crate) missing: Vec<Key>,
    /// Where the store was.
    pub(crate) position: Position,
}

/// Compares the store with `catalog`, which was taken from memory before. Blocks.
///
/// The store may be ahead meanwhile: what changed since is no difference. What is missing in the
/// store may have been deleted since; the caller has to look whether it is still in memory.
///
/// # Errors
///
/// [`StoreError`] if the store cannot be read.
pub(crate) fn compare(reader: &Reader, catalog: &Catalog) -> Result<Comparison, StoreError> {
    let mut differences = Vec::new();
    let mut seen = BTreeSet::new();
    let position = reader.load(&mut |key, value| match decode(key, value) {
        Ok(object) => {
            let about = object.key();
            differences.extend(differs(catalog, &object));
            seen.insert(about);
        }
        Err(error) => differences.push(Difference {
            about: None,
            evidence: format!(
                "what is stored under `{key}` cannot be read: {}",
                chain(&error)
            ),
        }),
    })?;
    let missing = KINDS
        .iter()
        .flat_map(|kind| catalog.objects_after(*kind, None));
    let missing = missing.map(|object| object.key());
    Ok(Comparison {
        missing: missing.filter(|key| !seen.contains(key)).collect(),
        differences,
        position,
    })
}

/// The kinds that are kept in memory.
const KINDS: [Kind; 12] = [
    Kind::Cluster,
    Kind::Network,
    Kind::Subnet,
    Kind::Pool,
    Kind::Group,
    Kind::Profile,
    Kind::Reservation,
    Kind::Node,
    Kind::Address,
    Kind::Endpoint,
    Kind::Token,
    Kind::Lockout,
];

fn differs(catalog: &Catalog, stored: &Object) -> Option<Difference> {
    let known = catalog.object(&stored.key());
    if known.as_ref() == Some(stored) || stored.revision() > catalog.revision() {
        return None;
    }
    let at = |revision: Revision| format!("revision {revision}");
    let known = known.map_or_else(|| "nothing".to_owned(), |known| at(known.revision()));
    Some(Difference {
        about: Some(stored.key()),
        evidence: format!(
            "the store has {} of {}, and the memory of this netmaster has {known}, which is not \
             the same",
            at(stored.revision()),
            stored.key()
        ),
    })
}

/// Something that is missing in the store.
pub(crate) fn missing(key: Key) -> Difference {
    Difference {
        evidence: format!("the memory of this netmaster has {key}, and the store does not"),
        about: Some(key),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use trunkline_ipam::{Change, Edit, Network};

    use super::*;
    use crate::store::{Batch, Embedded, Room, Store as _};

    fn network(name: &str, vlan: &str, revision: u64) -> Object {
        Object::Network(Arc::new(Network {
            name: name.parse().unwrap(),
            vlan: vlan.parse().unwrap(),
            mtu: Default::default(),
            labels: Default::default(),
            revision: Revision::new(revision),
        }))
    }

    fn put(revision: u64, object: Object) -> Change {
        Change::new(Revision::new(revision), vec![Edit::Put(object)])
    }

    fn store(changes: &[Change]) -> Embedded {
        let mut store = Embedded::in_memory().unwrap();
        for change in changes {
            let mut batch = Batch::on(change.revision().previous());
            assert_eq!(batch.add(change).unwrap(), Room::Taken);
            store.commit(&batch).unwrap();
        }
        store
    }

    #[test]
    fn what_changed_meanwhile_is_no_difference() {
        let blue = put(1, network("blue", "100", 1));
        let later = [
            put(2, network("blue", "200", 2)),
            put(3, network("red", "7", 3)),
        ];
        let store = store(&[blue.clone(), later[0].clone(), later[1].clone()]);
        let mut catalog = Catalog::default();
        catalog.apply(&blue);
        let compared = compare(&store.reader(), &catalog).unwrap();
        assert_eq!(compared.differences, []);
        assert_eq!(compared.missing, []);
        assert_eq!(compared.position.revision(), Revision::new(3));
    }

    #[test]
    fn every_object_that_is_otherwise_in_the_store_is_named() {
        let store = store(&[
            put(1, network("blue", "100", 1)),
            put(2, network("red", "7", 2)),
        ]);
        let mut catalog = Catalog::default();
        catalog.apply(&put(1, network("blue", "101", 1)));
        catalog.apply(&put(2, network("green", "8", 2)));
        let compared = compare(&store.reader(), &catalog).unwrap();
        let about: Vec<_> = compared
            .differences
            .iter()
            .map(|difference| difference.about.as_ref().unwrap().name())
            .collect();
        assert_eq!(about, ["blue", "red"]);
        assert_eq!(compared.missing, [network("green", "8", 2).key()]);
        let evidence = &compared.differences[1].evidence;
        assert!(evidence.contains("has nothing"), "{evidence}");
    }
}

//! Where things are in etcd: as in every store, under a prefix that can be chosen.

use crate::store::keys;

/// What keys begin with in [`keys`].
const ROOT: &str = "/trunkline";

/// Keys as etcd has them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Paths {
    prefix: String,
}

/// Keys from the first, inclusive, to the second, exclusive.
pub(super) type Range = (Vec<u8>, Vec<u8>);

impl Paths {
    pub(super) fn under(prefix: &str) -> Self {
        Self {
            prefix: prefix.to_owned(),
        }
    }

    /// What a key of [`keys`] is in etcd.
    pub(super) fn path(&self, key: &str) -> Vec<u8> {
        let rest = key.strip_prefix(ROOT).unwrap_or(key);
        format!("{}{rest}", self.prefix).into_bytes()
    }

    /// What a key of etcd is in [`keys`]; `None` for one of somebody else.
    pub(super) fn key(&self, path: &[u8]) -> Option<String> {
        let path = std::str::from_utf8(path).ok()?;
        Some(format!("{ROOT}{}", path.strip_prefix(&self.prefix)?))
    }

    pub(super) fn schema(&self) -> Vec<u8> {
        self.path(keys::SCHEMA)
    }

    pub(super) fn revision(&self) -> Vec<u8> {
        self.path(keys::REVISION)
    }

    pub(super) fn leader(&self) -> Vec<u8> {
        format!("{}/leader", self.prefix).into_bytes()
    }

    pub(super) fn restoring(&self) -> Vec<u8> {
        format!("{}/restoring", self.prefix).into_bytes()
    }

    /// What all objects, records and the revision's key begin with.
    pub(super) fn objects(&self) -> Vec<u8> {
        self.path(keys::PREFIX)
    }

    /// Where all of those are.
    pub(super) fn everything(&self) -> Vec<Range> {
        self.ranges(vec![keys::everything()])
    }

    /// Where those are without the records.
    pub(super) fn loaded(&self) -> Vec<Range> {
        self.ranges(keys::loaded())
    }

    fn ranges(&self, ranges: Vec<(String, String)>) -> Vec<Range> {
        let ranges = ranges.into_iter();
        ranges
            .map(|(from, to)| (self.path(&from), self.path(&to)))
            .collect()
    }
}

/// The first key after `key`.
pub(super) fn after(key: &[u8]) -> Vec<u8> {
    [key, &[0]].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_prefix_of_ones_own_takes_the_place_of_the_usual_one() {
        let paths = Paths::under("/rooms/a");
        let key = "/trunkline/v1/networks/blue";
        assert_eq!(paths.path(key), b"/rooms/a/v1/networks/blue");
        assert_eq!(
            paths.key(b"/rooms/a/v1/networks/blue").as_deref(),
            Some(key)
        );
        assert_eq!(paths.key(b"/rooms/b/v1/networks/blue"), None);
        assert_eq!(Paths::under("/trunkline").path(key), key.as_bytes());
    }

    #[test]
    fn what_is_loaded_is_everything_but_records() {
        let ranges = Paths::under("/trunkline").loaded();
        let loaded = |key: &str| {
            let key = key.as_bytes().to_vec();
            ranges.iter().any(|(from, to)| *from <= key && key < *to)
        };
        for key in [
            "addresses/10.0.0.1",
            "cluster",
            "endpoints/a/b",
            "revision",
            "subnets/a",
        ] {
            assert!(loaded(&format!("/trunkline/v1/{key}")), "{key}");
        }
        for records in keys::RECORDS {
            assert!(!loaded(&format!("{records}1")), "{records}");
        }
        assert!(!loaded("/trunkline/schema") && !loaded("/trunkline/leader"));
    }
}

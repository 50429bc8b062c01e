//! Going through a long range in short ones.
//!
//! For each page etcd counts the keys of the whole range that it is asked for, whatever the limit
//! (3.4: `treeIndex.Revisions`). With a million keys in a hundred pages that would be most of the
//! work. Nobody knows where the keys are, but two of a page tell how dense they are there: the page
//! is about as long as what begins like its last key, as far as it begins like its first one and a
//! byte more. So that is what is asked for next; where it holds little, what begins with a byte
//! less.

use super::paths::{Range, after};

/// What is left of a range, and how much of it to ask for.
#[derive(Clone, Debug)]
pub(super) struct Strides {
    /// How many keys are sent at once.
    page: usize,
    from: Vec<u8>,
    until: Vec<u8>,
    to: Vec<u8>,
    /// How many bytes what is asked for has in common; at the beginning, not even those that are
    /// common to the whole range.
    common: usize,
}

impl Strides {
    pub(super) fn through((from, to): Range, page: usize) -> Self {
        Self {
            page,
            from,
            until: to.clone(),
            to,
            common: 0,
        }
    }

    /// What to ask for now; nothing when all was read.
    pub(super) fn current(&self) -> Option<Range> {
        (self.from < self.to).then(|| (self.from.clone(), self.until.clone()))
    }

    /// Goes on after a page of `count` keys, the `ends` of which are given when there is more of
    /// what was asked for.
    pub(super) fn advance(&mut self, count: usize, ends: Option<(&[u8], &[u8])>) {
        match ends {
            Some((first, last)) => {
                self.common = alike(first, last) + 1;
                self.from = after(last);
            }
            None => {
                if count < self.page / 2 {
                    self.common = self.common.saturating_sub(1);
                }
                self.from.clone_from(&self.until);
            }
        }
        let begins = &self.from[..self.common.min(self.from.len())];
        self.until = end_of(begins)
            .filter(|until| *until < self.to)
            .unwrap_or_else(|| self.to.clone());
    }
}

/// How many bytes two keys begin with alike.
fn alike(a: &[u8], b: &[u8]) -> usize {
    a.iter().zip(b).take_while(|(a, b)| a == b).count()
}

/// Where that which begins with `prefix` ends; nowhere, if nothing can come after it.
fn end_of(prefix: &[u8]) -> Option<Vec<u8>> {
    let last = prefix.iter().rposition(|byte| *byte < u8::MAX)?;
    let mut end = prefix[..=last].to_vec();
    end[last] += 1;
    Some(end)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    const PAGE: usize = 50;

    /// What a reader does with `keys` in etcd: what it gets, what etcd counts for that, and how
    /// often it asks.
    fn read(keys: &BTreeSet<Vec<u8>>, range: Range) -> (Vec<Vec<u8>>, usize, usize) {
        let mut strides = Strides::through(range, PAGE);
        let (mut got, mut counted, mut asked) = (Vec::new(), 0, 0);
        while let Some((from, until)) = strides.current() {
            assert!(from < until, "{from:?} {until:?}");
            let count = keys.range(from.clone()..until.clone()).count();
            let page: Vec<_> = keys.range(from..until).take(PAGE).cloned().collect();
            let ends = page.first().zip(page.last()).filter(|_| count > PAGE);
            strides.advance(
                page.len(),
                ends.map(|(first, last)| (&first[..], &last[..])),
            );
            got.extend(page);
            counted += count;
            asked += 1;
        }
        (got, counted, asked)
    }

    fn list() -> Range {
        (b"/v1/list/".to_vec(), b"/v1/list0".to_vec())
    }

    fn keys<T: ToString>(names: impl IntoIterator<Item = T>) -> BTreeSet<Vec<u8>> {
        let key = |name: T| format!("/v1/list/{}", name.to_string()).into_bytes();
        names.into_iter().map(key).collect()
    }

    #[test]
    fn of_a_long_list_etcd_counts_a_small_part_for_each_page() {
        let addresses = (0..50_000_u32).map(|n| std::net::Ipv4Addr::from((10 << 24) + n));
        let counted_up = (0..50_000).map(|n| format!("container-{n:010}/eth0"));
        let hashed =
            (0..50_000_u64).map(|n| format!("{:016x}/eth0", n.wrapping_mul(0x9e37_79b9_7f4a_7c15)));
        for keys in [keys(addresses), keys(counted_up), keys(hashed)] {
            let (got, counted, asked) = read(&keys, list());
            assert!(got.iter().eq(&keys));
            // Page by page of all that is left it would be half as many times as there are pages.
            assert!(counted < 20 * keys.len(), "{counted}");
            assert!(asked < 4 * keys.len() / PAGE, "{asked}");
        }
    }

    #[test]
    fn an_empty_list_and_a_short_one_are_asked_for_once() {
        assert_eq!(read(&BTreeSet::new(), list()).2, 1);
        assert_eq!(read(&keys(["blue", "green"]), list()).2, 1);
    }

    proptest! {
        #[test]
        fn each_key_is_read_once_in_its_order(
            keys in proptest::collection::btree_set(
                proptest::collection::vec(prop_oneof![Just(0), Just(0xff), any::<u8>()], 0..12),
                0..600,
            ),
        ) {
            let range = (Vec::new(), vec![0xff; 13]);
            prop_assert!(read(&keys, range).0.iter().eq(&keys));
        }
    }
}

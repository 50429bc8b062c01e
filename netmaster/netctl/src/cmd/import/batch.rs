//! The lines of a file in batches, each of which netmaster takes as a whole or not at all.

use std::collections::{BTreeMap, HashMap};
use std::hash::Hash;

use trunkline_netmaster_api::AdoptedAddress;

use super::csv::{Line, NAMED};

/// How many changes go into one request, of the 127 that a transaction has room for.
const CHANGES: usize = 120;

/// Refuses addresses that are in the file more than once. Within a batch netmaster would notice;
/// beyond, the second line would be taken for a repetition of the first.
pub(super) fn check_once(lines: &[Line]) -> Result<(), String> {
    let mut firsts = HashMap::new();
    let mut twice = Vec::new();
    for line in lines {
        let (ip, number) = (line.address.ip, line.number);
        if let Some(first) = firsts.insert(ip, number) {
            firsts.insert(ip, first);
            twice.push(format!(
                "line {number}: `{ip}` is in line {first} already: leave one out"
            ));
        }
    }
    let count = twice.len();
    if count == 0 {
        return Ok(());
    }
    twice.truncate(NAMED);
    if count > NAMED {
        twice.push(format!("and {} more", count - NAMED));
    }
    Err(format!(
        "{count} line(s) name an address once more\n  {}",
        twice.join("\n  ")
    ))
}

/// The lines in batches that fit into a transaction each.
///
/// Lines that have a pod, an attachment or a MAC address in common stay together, whether they
/// belong together or contradict each other: so netmaster looks at them at once, and a rehearsal of
/// each batch is one of the whole file.
pub(super) fn batches(lines: Vec<Line>) -> Vec<Vec<Line>> {
    let mut batches: Vec<Vec<Line>> = Vec::new();
    let mut weight: usize = 0;
    for family in families(lines) {
        let own: usize = family.iter().map(|line| changes(&line.address)).sum();
        match batches.last_mut() {
            Some(batch) if weight + own <= CHANGES => {
                batch.extend(family);
                weight += own;
            }
            _ => {
                batches.push(family);
                weight = own;
            }
        }
    }
    batches
}

/// How many objects an address changes at most.
fn changes(address: &AdoptedAddress) -> usize {
    let of_place = if address.attachment.is_some() { 2 } else { 0 };
    let reserved = address.pod.is_some() || address.attachment.is_none();
    of_place + usize::from(reserved)
}

/// Lines that have something in common, directly or by way of others; in the order of their first
/// lines.
fn families(lines: Vec<Line>) -> Vec<Vec<Line>> {
    let mut kin = Kin::of(lines.len());
    let addresses = || lines.iter().map(|line| &line.address);
    kin.unite(addresses().map(|one| one.pod.as_ref().map(ToString::to_string)));
    kin.unite(addresses().map(|one| one.attachment.as_ref().map(ToString::to_string)));
    kin.unite(addresses().map(|one| one.mac.map(|mac| mac.to_string())));
    let mut families: BTreeMap<usize, Vec<Line>> = BTreeMap::new();
    for (place, line) in lines.into_iter().enumerate() {
        families.entry(kin.first(place)).or_default().push(line);
    }
    families.into_values().collect()
}

/// Which lines are of one family, by their places: each knows one that comes before it, or itself
/// if it is the first.
struct Kin(Vec<usize>);

impl Kin {
    fn of(count: usize) -> Self {
        Self((0..count).collect())
    }

    /// The first line of the family that the one at `place` is of.
    fn first(&mut self, place: usize) -> usize {
        let mut first = place;
        while let Some(before) = self.0.get(first).copied().filter(|before| *before != first) {
            first = before;
        }
        // The next one who asks has a shorter way.
        if let Some(known) = self.0.get_mut(place) {
            *known = first;
        }
        first
    }

    /// Makes those lines one family that have the same value.
    fn unite<T: Eq + Hash>(&mut self, values: impl Iterator<Item = Option<T>>) {
        let mut seen: HashMap<T, usize> = HashMap::new();
        for (place, value) in values.enumerate() {
            let Some(value) = value else {
                continue;
            };
            let other = *seen.entry(value).or_insert(place);
            let (one, other) = (self.first(place), self.first(other));
            if let Some(later) = self.0.get_mut(one.max(other)) {
                *later = one.min(other);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::csv::lines;
    use super::*;

    fn parsed(text: &str) -> Vec<Line> {
        lines(text).unwrap()
    }

    fn sizes(batches: &[Vec<Line>]) -> Vec<usize> {
        batches.iter().map(Vec::len).collect()
    }

    #[test]
    fn batches_fit_a_transaction_and_keep_pods_together() {
        let mut text = "ip,pod\n10.0.0.1,shop/db-0\n".to_owned();
        for n in 0..300 {
            text.push_str(&format!("10.1.{}.{},shop/web-{n}\n", n / 250, n % 250 + 1));
        }
        text.push_str("fd00::1,shop/db-0\n");
        let batches = batches(parsed(&text));
        assert_eq!(sizes(&batches), [120, 120, 62]);
        let db = &batches[0][..2];
        assert_eq!(db[0].address.ip.to_string(), "10.0.0.1");
        assert_eq!(db[1].address.ip.to_string(), "fd00::1");
        assert_eq!(db[1].number, 303);
    }

    #[test]
    fn what_is_on_an_interface_takes_more_room() {
        let mut text = "ip,attachment,node,pod\n".to_owned();
        for n in 1..=100 {
            text.push_str(&format!("10.1.0.{n},c{n}/eth0,n1,shop/web-{n}\n"));
        }
        assert_eq!(sizes(&batches(parsed(&text))), [40, 40, 20]);
    }

    #[test]
    fn lines_with_something_in_common_are_rehearsed_together() {
        // The first and the last have nothing in common but what is between them.
        let ends = [
            ",c1/eth0,n1,02:00:00:00:00:01",
            "shop/db-0,,,02:00:00:00:00:01",
            "shop/db-0,,,",
        ];
        let mut text = "ip,pod,attachment,node,mac\n".to_owned();
        for (n, end) in (1..).zip(ends) {
            text.push_str(&format!("10.9.0.{n},{end}\n"));
            for other in 0..200 {
                text.push_str(&format!("10.{n}.0.{other},shop/web-{n}-{other},,,\n"));
            }
        }
        let batches = batches(parsed(&text));
        let numbers: Vec<_> = batches[0][..3].iter().map(|line| line.number).collect();
        assert_eq!(numbers, [2, 203, 404]);
        assert_eq!(batches.iter().map(Vec::len).sum::<usize>(), 603);
        let weight = |batch: &Vec<Line>| batch.iter().map(|line| changes(&line.address)).sum();
        let weights: Vec<usize> = batches.iter().map(weight).collect();
        assert!(
            weights.iter().all(|weight| *weight <= CHANGES),
            "{weights:?}"
        );
    }

    #[test]
    fn an_address_that_is_there_twice_is_named_with_both_lines() {
        let lines = parsed("ip,owner\n10.0.0.1,a\n10.0.0.2,b\n10.0.0.1,a\n::1,c\n0::1,d\n");
        let error = check_once(&lines).unwrap_err();
        for part in [
            "2 line(s) name",
            "line 4: `10.0.0.1` is in line 2 already",
            "line 6: `::1` is in line 5 already",
        ] {
            assert!(error.contains(part), "{error}");
        }
        assert_eq!(check_once(&lines[..2]), Ok(()));
    }
}

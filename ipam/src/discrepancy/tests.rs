//! What is found, and what becomes of it.

use super::*;
use crate::fixture::{
    NOW, add_subnet, bind, give_back, in_rack, ip, lease, ledger, name, parse, pod, reservation,
    reserve, subnet,
};
use crate::{LeaseRequest, Ledger, Object, Refusal as _, ReservationSpec, Revision};

/// Long enough after everything in the books.
fn later() -> Timestamp {
    NOW.after(3600)
}

/// What node `n1` says.
#[derive(Clone, Default)]
struct Said {
    held: Vec<(Attachment, Vec<IpAddr>)>,
    reserve: BTreeSet<IpAddr>,
    runtime: Option<BTreeSet<ContainerId>>,
}

impl Said {
    fn holding(mut self, attachment: &str, ips: &[&str]) -> Self {
        let ips = ips.iter().map(|text| ip(text)).collect();
        self.held.push((parse(attachment), ips));
        self
    }

    fn keeping(mut self, ips: &[&str]) -> Self {
        self.reserve.extend(ips.iter().map(|text| ip(text)));
        self
    }

    fn running(mut self, containers: &[&str]) -> Self {
        let containers = containers.iter().map(|text| parse(text));
        self.runtime = Some(containers.collect());
        self
    }

    fn found_at(&self, ledger: &Ledger, at: Timestamp) -> Vec<Discrepancy> {
        let node = name("n1");
        let ovsdb = self.held.iter().map(|(of, _)| of.clone()).collect();
        let report = NodeReport {
            node: &node,
            at,
            ovsdb: &ovsdb,
            held: &self.held,
            reserve: &self.reserve,
            runtime: self.runtime.as_ref(),
        };
        let witnesses = Witnesses {
            reports: &[report],
            pod_exists: &|_| None,
            deleted: &|_| None,
        };
        discrepancies(ledger.catalog(), &witnesses, &Policy::default(), later())
    }

    /// The codes of what is found, and what about.
    fn found(&self, ledger: &Ledger) -> Vec<(&'static str, String)> {
        let found = self.found_at(ledger, later()).into_iter();
        found
            .map(|one| (one.kind.code(), one.about.name()))
            .collect()
    }
}

fn books() -> Ledger {
    let mut ledger = ledger();
    add_subnet(&mut ledger, &subnet("b", "10.1.0.0/24", "10.1.0.1", &[]));
    ledger
}

fn revision_of(ledger: &Ledger, about: &Key) -> Revision {
    let object = ledger.catalog().object(about);
    object.as_ref().map(Object::revision).unwrap()
}

/// Repairs the one thing that is found, and answers what is found then.
fn repaired(ledger: &mut Ledger, said: &Said) -> Vec<(&'static str, String)> {
    let found = said.found_at(ledger, later());
    let [one] = found.as_slice() else {
        panic!("{found:?}");
    };
    assert!(one.is_safe, "{one:?}");
    let seen = revision_of(ledger, &one.about);
    let change = repair(ledger.catalog(), one, seen, later()).unwrap();
    ledger.apply(&change);
    ledger.catalog().check().unwrap();
    let again = repair(ledger.catalog(), one, seen, later()).unwrap_err();
    let reason = again.reason();
    assert!(
        matches!(
            reason,
            crate::Reason::NotFound(_) | crate::Reason::StaleRevision { .. }
        ),
        "{reason:?}"
    );
    said.found(ledger)
}

#[test]
fn books_and_a_node_that_agree_are_left_alone() {
    let mut ledger = books();
    bind(&mut ledger, "c1/eth0", None, "10.1.0.10");
    lease(&mut ledger, "10.1.0.11");
    lease(&mut ledger, "10.1.0.12");
    let said = Said::default()
        .holding("c1/eth0", &["10.1.0.10"])
        .keeping(&["10.1.0.11", "10.1.0.12"])
        .running(&["c1"]);
    assert_eq!(said.found(&ledger), []);
    // The node has given one of its slots to a pod already, and netmaster has yet to hear of it.
    let ahead = Said::default()
        .holding("c1/eth0", &["10.1.0.10"])
        .holding("c2/eth0", &["10.1.0.11"])
        .keeping(&["10.1.0.12"]);
    assert_eq!(ahead.found(&ledger), []);
}

#[test]
fn an_endpoint_that_two_witnesses_miss_is_collected() {
    let mut ledger = books();
    bind(&mut ledger, "c1/eth0", None, "10.1.0.10");
    let said = Said::default().running(&["c2"]);
    assert_eq!(
        said.found(&ledger),
        [("endpoint_gone", "c1/eth0".to_owned())]
    );
    assert_eq!(repaired(&mut ledger, &said), []);
    assert!(
        ledger
            .catalog()
            .address(ip("10.1.0.10"))
            .unwrap()
            .is_released()
    );
}

#[test]
fn an_endpoint_that_one_witness_misses_is_for_somebody_to_decide() {
    let mut ledger = books();
    bind(&mut ledger, "c1/eth0", None, "10.1.0.10");
    for said in [Said::default(), Said::default().running(&["c1"])] {
        let found = said.found_at(&ledger, later());
        assert_eq!(found[0].kind, DiscrepancyKind::EndpointUnseen);
        assert!(!found[0].is_safe);
        let seen = revision_of(&ledger, &found[0].about);
        let refused = repair(ledger.catalog(), &found[0], seen, later()).unwrap_err();
        assert!(matches!(refused, RepairError::NotSafe { .. }));
    }
}

#[test]
fn a_report_says_nothing_of_what_it_may_not_have_seen_yet() {
    let mut ledger = books();
    bind(&mut ledger, "c1/eth0", None, "10.1.0.10");
    lease(&mut ledger, "10.1.0.11");
    let said = Said::default().running(&[]);
    assert_eq!(said.found_at(&ledger, NOW.after(59)), []);
    assert_eq!(said.found_at(&ledger, NOW.after(60)).len(), 2);
}

#[test]
fn what_changed_since_it_was_looked_at_is_not_repaired() {
    let mut ledger = books();
    bind(&mut ledger, "c1/eth0", None, "10.1.0.10");
    let said = Said::default().running(&[]);
    let found = said.found_at(&ledger, later());
    let seen = revision_of(&ledger, &found[0].about);
    give_back(&mut ledger, "c1/eth0");
    bind(&mut ledger, "c1/eth0", None, "10.1.0.10");
    let refused = repair(ledger.catalog(), &found[0], seen, later()).unwrap_err();
    assert!(matches!(
        refused.reason(),
        crate::Reason::StaleRevision { .. }
    ));
}

#[test]
fn a_lease_that_the_node_lost_is_taken_back() {
    let mut ledger = books();
    lease(&mut ledger, "10.1.0.11");
    let said = Said::default();
    assert_eq!(
        said.found(&ledger),
        [("lease_lost", "10.1.0.11".to_owned())]
    );
    assert_eq!(repaired(&mut ledger, &said), []);
}

#[test]
fn half_of_a_slot_is_not_taken_back_unasked_from_who_has_the_other() {
    let mut ledger = books();
    let six = in_rack(subnet("b6", "fd00::/64", "fd00::1", &[]), "r1");
    add_subnet(&mut ledger, &six);
    let request = LeaseRequest {
        node: name("n1"),
        fence: ledger.catalog().node(&name("n1")).unwrap().fence,
        network: name("blue"),
        count: 1,
    };
    let leased = crate::lease(&ledger, &request, &Policy::default(), NOW).unwrap();
    ledger.apply(&leased.change);
    let first = leased.slots[0].addresses[0].ip.to_string();
    let half = Said::default().keeping(&[&first]);
    let found = half.found_at(&ledger, later());
    assert_eq!(found.len(), 1, "{found:?}");
    assert_eq!(found[0].kind, DiscrepancyKind::LeaseLost);
    assert!(!found[0].is_safe);
    // Nor is it because somebody asks for it by its name.
    let seen = revision_of(&ledger, &found[0].about);
    let refused = repair(ledger.catalog(), &found[0], seen, later()).unwrap_err();
    assert!(
        matches!(refused, RepairError::NotSafe { .. }),
        "{refused:?}"
    );
    let none = Said::default().found_at(&ledger, later());
    assert_eq!(none.len(), 2, "{none:?}");
    assert!(none.iter().all(|one| one.is_safe));
}

#[test]
fn what_a_node_has_beyond_the_books_is_named() {
    let mut ledger = books();
    bind(&mut ledger, "c1/eth0", Some(pod("web-0")), "10.1.0.10");
    bind(&mut ledger, "c2/eth0", None, "10.1.0.11");
    let said = Said::default()
        .holding("c1/eth0", &["10.1.0.20"])
        .holding("c2/eth0", &["10.1.0.11"])
        .holding("c3/eth0", &["10.1.0.10"])
        .keeping(&["10.1.0.30"]);
    assert_eq!(
        said.found(&ledger),
        [
            ("endpoint_differs", "c1/eth0".to_owned()),
            ("endpoint_unknown", "c3/eth0".to_owned()),
            ("address_used_twice", "10.1.0.10".to_owned()),
            ("lease_unknown", "10.1.0.30".to_owned()),
        ]
    );
    let found = said.found_at(&ledger, later());
    assert_eq!(found[0].command, "kubectl -n shop delete pod web-0");
    assert!(found.iter().all(|one| !one.is_safe));
}

#[test]
fn a_reservation_that_is_over_ends() {
    let mut ledger = books();
    let db = ReservationSpec {
        expires: Some(NOW.after(10)),
        ..reservation("db", Holder::Pod(pod("db-0")), &["10.1.0.10"])
    };
    reserve(&mut ledger, &db);
    let said = Said::default();
    assert_eq!(said.found(&ledger), [("reservation_over", "db".to_owned())]);
    assert_eq!(repaired(&mut ledger, &said), []);
}

#[test]
fn a_pod_beside_its_reservation_is_named() {
    let mut ledger = books();
    bind(&mut ledger, "c1/eth0", Some(pod("db-0")), "10.1.0.20");
    let db = reservation("db", Holder::Pod(pod("db-0")), &["10.1.0.10"]);
    reserve(&mut ledger, &db);
    // Nothing that plans makes leads here.
    bind(&mut ledger, "c2/eth0", Some(pod("other")), "10.1.0.10");
    let said = Said::default()
        .holding("c1/eth0", &["10.1.0.20"])
        .holding("c2/eth0", &["10.1.0.10"]);
    assert_eq!(
        said.found(&ledger),
        [
            ("reserved_address_taken", "10.1.0.10".to_owned()),
            ("reservation_unused", "c1/eth0".to_owned()),
        ]
    );
}

#[test]
fn objects_that_contradict_each_other_are_all_named() {
    let mut ledger = books();
    bind(&mut ledger, "c1/eth0", None, "10.1.0.10");
    bind(&mut ledger, "c2/eth0", None, "10.1.0.11");
    for attachment in ["c1/eth0", "c2/eth0"] {
        let gone = crate::Edit::Delete(Key::Endpoint(parse(attachment)));
        let revision = ledger.catalog().revision().next();
        ledger.apply(&crate::Change::new(revision, vec![gone]));
    }
    let said = Said::default();
    assert_eq!(
        said.found(&ledger),
        [
            ("inconsistent", "10.1.0.10".to_owned()),
            ("inconsistent", "10.1.0.11".to_owned()),
        ]
    );
    assert!(ledger.catalog().check().is_err());
}

#[test]
fn every_kind_has_a_code_of_its_own() {
    let codes: BTreeSet<_> = DiscrepancyKind::ALL
        .iter()
        .map(|kind| kind.code())
        .collect();
    assert_eq!(codes.len(), DiscrepancyKind::ALL.len());
}

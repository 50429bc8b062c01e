//! The same random objects, many at once.

use super::*;
use crate::{
    Effect, GroupSpec, NetworkSpec, ObjectSpec, Outcomes, PoolSpec, ProfileSpec, Refused,
    Rehearsal, ReservationSpec, SubnetSpec, Wanted, apply,
};

/// What is there, as what is wanted.
fn as_wanted(catalog: &Catalog) -> Vec<ObjectSpec> {
    let mut wanted = Vec::new();
    wanted.extend(catalog.networks().map(|one| {
        ObjectSpec::Network(NetworkSpec {
            name: one.name.clone(),
            vlan: one.vlan,
            mtu: one.mtu,
            labels: one.labels.clone(),
        })
    }));
    let subnets = catalog.subnets().filter(|one| !one.deleting);
    wanted.extend(subnets.map(|one| {
        ObjectSpec::Subnet(SubnetSpec {
            name: one.name.clone(),
            network: one.network.clone(),
            cidr: one.cidr,
            gateway: one.gateway,
            ranges: one.ranges.clone(),
            exclusions: one.exclusions.clone(),
            placement: one.placement.clone(),
            labels: one.labels.clone(),
        })
    }));
    wanted.extend(catalog.pools().map(|one| {
        ObjectSpec::Pool(PoolSpec {
            subnet: one.subnet.clone(),
            name: one.name.clone(),
            ranges: one.ranges.clone(),
            labels: one.labels.clone(),
        })
    }));
    wanted.extend(catalog.groups().map(|one| {
        ObjectSpec::Group(GroupSpec {
            name: one.name.clone(),
            scope: one.scope.clone(),
            network: one.network.clone(),
            pool: one.pool.clone(),
            profile: one.profile.clone(),
            priority: one.priority,
            labels: one.labels.clone(),
        })
    }));
    wanted.extend(catalog.profiles().map(|one| {
        ObjectSpec::Profile(ProfileSpec {
            name: one.name.clone(),
            ingress: one.ingress,
            egress: one.egress,
            dscp: one.dscp,
            labels: one.labels.clone(),
        })
    }));
    wanted.extend(catalog.reservations().map(|one| {
        ObjectSpec::Reservation(ReservationSpec {
            name: one.name.clone(),
            network: one.network.clone(),
            holder: one.holder.clone(),
            addresses: Wanted::Named(one.addresses.clone()),
            spare: one.spare,
            retention: one.retention,
            owner: one.owner.clone(),
            reason: one.reason.clone(),
            expires: one.expires,
            labels: one.labels.clone(),
        })
    }));
    wanted
}

impl Deal<'_> {
    fn wanted(&mut self) -> ObjectSpec {
        match self.number(9) {
            0 => ObjectSpec::Network(self.network()),
            1..=3 => ObjectSpec::Subnet(self.subnet()),
            4 => ObjectSpec::Pool(self.pool()),
            5 => ObjectSpec::Group(self.group()),
            6 => ObjectSpec::Profile(self.profile()),
            _ => ObjectSpec::Reservation(self.reservation()),
        }
    }
}

fn applied(
    ledger: &mut Ledger,
    wanted: &[ObjectSpec],
    prune: Option<&trunkline_types::Selector>,
) -> Result<Outcomes, Refused> {
    apply(&mut Rehearsal::on(ledger), wanted, prune, NOW)
}

/// Makes a change the way readers learn of it: in the order of keys.
fn publish(catalog: &mut Catalog, change: &Change) {
    let mut edits = change.edits().to_vec();
    edits.sort_by_key(|edit| match edit {
        Edit::Put(object) => object.key(),
        Edit::Delete(key) => key.clone(),
    });
    catalog.apply(&Change::new(change.revision(), edits));
}

/// Applies some random objects, and checks all that must hold; answers whether they were taken.
fn together(run: &mut Run, op: &Op) -> bool {
    let catalog = run.catalog().clone();
    let mut deal = Deal {
        left: op.knobs.iter().cycle(),
        catalog: catalog.clone(),
    };
    let mut wanted: Vec<ObjectSpec> = Vec::new();
    for _ in 0..=deal.number(4) {
        let spec = deal.wanted();
        if wanted.iter().all(|other| other.key() != spec.key()) {
            wanted.push(spec);
        }
    }
    let prune = (deal.number(6) == 0).then(|| parse("zone=a"));
    let before = run.ledger.clone();
    let outcomes = applied(&mut run.ledger, &wanted, prune.as_ref());
    assert_eq!(run.ledger, before, "a rehearsal leaves nothing behind");
    let outcomes = match outcomes {
        Ok(outcomes) => outcomes,
        Err(refused) => {
            assert!(!refused.objects.is_empty());
            return false;
        }
    };
    run.ledger.apply(&outcomes.change);
    assert_eq!(run.ledger, Ledger::of(run.catalog().clone()));
    run.catalog().check().unwrap();
    let mut read = catalog;
    publish(&mut read, &outcomes.change);
    assert_eq!(&read, run.catalog(), "the order of edits does not matter");
    for outcome in &outcomes.objects {
        assert_eq!(run.catalog().object(&outcome.key), outcome.after);
        let shown = |effect: &Effect| effect.endpoints.len() <= effect.total;
        assert!(outcome.effects.iter().all(shown));
    }
    let again = applied(&mut run.ledger, &wanted, prune.as_ref()).unwrap();
    assert!(again.change.is_empty(), "{:?}", again.change);
    wanted.reverse();
    let reversed = applied(&mut run.ledger, &wanted, prune.as_ref()).unwrap();
    assert!(reversed.change.is_empty(), "{:?}", reversed.change);
    !outcomes.change.is_empty()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    /// What is exported and applied again changes nothing, whatever there is.
    #[test]
    fn to_want_what_is_there_changes_nothing(ops in prop::collection::vec(op(), 50..300)) {
        let mut run = Run::new();
        for op in &ops {
            run.step(op);
        }
        let wanted = as_wanted(run.catalog());
        let outcomes = applied(&mut run.ledger, &wanted, None).unwrap();
        prop_assert!(outcomes.change.is_empty(), "{:?}", outcomes.change);
        prop_assert_eq!(outcomes.objects.len(), wanted.len());
    }

    /// Whatever is applied is made whole or not at all, is there when it is applied again, and
    /// leaves the objects in agreement, in whatever order its edits are made.
    #[test]
    fn random_objects_are_applied_together_or_not_at_all(
        ops in prop::collection::vec((op(), op()), 50..150)
    ) {
        let mut run = Run::new();
        for (single, several) in &ops {
            run.step(single);
            together(&mut run, several);
        }
    }
}

/// The property above would hold if everything were refused.
#[test]
fn random_objects_are_applied_often_enough() {
    use proptest::strategy::ValueTree;
    use proptest::test_runner::TestRunner;
    let mut runner = TestRunner::deterministic();
    let mut taken = 0;
    for _ in 0..10 {
        let ops = prop::collection::vec((op(), op()), 200);
        let mut run = Run::new();
        for (single, several) in &ops.new_tree(&mut runner).unwrap().current() {
            run.step(single);
            taken += u32::from(together(&mut run, several));
        }
    }
    assert!(taken > 100, "{taken}");
}

//! What is applied and imported together.

use trunkline_types::Selector;

use super::*;
use crate::fixture::{
    NOW, add_node, add_profile, add_subnet, bind, group, in_rack, ip, ledger, name, namespaces,
    network, parse, pod, pool, request, reservation, reserve, subnet, take,
};
use crate::{
    Change, Edit, GroupSpec, Holder, Ledger, NetworkSpec, Object, Policy, ProfileSpec, Retention,
    Scope, SubnetSpec, Workload, allocate,
};

fn applied(ledger: &mut Ledger, wanted: &[ObjectSpec]) -> Result<Outcomes, Refused> {
    let outcomes = apply(&mut Rehearsal::on(ledger), wanted, None, NOW)?;
    ledger.apply(&outcomes.change);
    ledger.catalog().check().unwrap();
    Ok(outcomes)
}

fn pruned(ledger: &mut Ledger, wanted: &[ObjectSpec], labels: &str) -> Result<Outcomes, Refused> {
    let selector: Selector = parse(labels);
    let outcomes = apply(&mut Rehearsal::on(ledger), wanted, Some(&selector), NOW)?;
    ledger.apply(&outcomes.change);
    ledger.catalog().check().unwrap();
    Ok(outcomes)
}

fn profile(name: &str) -> ObjectSpec {
    ObjectSpec::Profile(ProfileSpec {
        name: parse(name),
        ingress: None,
        egress: None,
        dscp: None,
        labels: Default::default(),
    })
}

/// A whole network with all that goes with it, the wrong way round.
fn everything() -> Vec<ObjectSpec> {
    vec![
        ObjectSpec::Reservation(reservation("db", Holder::Pod(pod("db-0")), &["10.1.0.9"])),
        ObjectSpec::Group(GroupSpec {
            network: Some(name("blue")),
            pool: Some(name("web")),
            ..group(
                "shop",
                Scope::Namespaces {
                    namespaces: namespaces(&["shop"]),
                },
            )
        }),
        ObjectSpec::Pool(pool("web", &["10.1.0.20-10.1.0.29"])),
        ObjectSpec::Subnet(subnet("b", "10.1.0.0/24", "10.1.0.1", &[])),
        profile("gold"),
        ObjectSpec::Network(network("blue", "100")),
    ]
}

fn keys(outcomes: &Outcomes) -> Vec<String> {
    let keys = outcomes
        .objects
        .iter()
        .map(|outcome| outcome.key.to_string());
    keys.collect()
}

/// The numbers and texts of what stands in the way.
fn refusals(refused: Refused) -> Vec<(Option<usize>, String)> {
    let refusals = refused.objects.into_iter();
    refusals
        .map(|refusal| (refusal.index, refusal.why.to_string()))
        .collect()
}

#[test]
fn objects_are_created_in_the_order_that_they_need() {
    let mut ledger = Ledger::default();
    let outcomes = applied(&mut ledger, &everything()).unwrap();
    assert_eq!(outcomes.change.edits().len(), 6);
    assert_eq!(
        keys(&outcomes),
        [
            "reservation `db`",
            "group `shop`",
            "pool `b/web`",
            "subnet `b`",
            "profile `gold`",
            "network `blue`"
        ],
        "they are told in the order of the list"
    );
    assert!(
        outcomes
            .objects
            .iter()
            .all(|outcome| outcome.before.is_none())
    );
    let revisions = outcomes.change.edits().iter().map(|edit| match edit {
        Edit::Put(Object::Network(one)) => one.revision,
        Edit::Put(Object::Reservation(one)) => one.revision,
        _ => outcomes.change.revision(),
    });
    assert!(
        revisions
            .into_iter()
            .all(|one| one == outcomes.change.revision())
    );
    let again = applied(&mut ledger, &everything()).unwrap();
    assert!(again.change.is_empty());
    assert_eq!(again.change.revision(), ledger.catalog().revision());
}

#[test]
fn one_object_that_cannot_be_keeps_all_others_back() {
    let mut ledger = ledger();
    let before = ledger.clone();
    let wanted = [
        profile("gold"),
        ObjectSpec::Network(network("green", "100")),
        ObjectSpec::Subnet(SubnetSpec {
            network: name("green"),
            ..subnet("g", "10.2.0.0/24", "10.2.0.1", &[])
        }),
        ObjectSpec::Pool(pool("web", &["10.1.0.20"])),
    ];
    let refused = applied(&mut ledger, &wanted).unwrap_err();
    assert_eq!(ledger, before);
    let reasons: Vec<_> = refused.objects.iter().map(|one| one.why.reason()).collect();
    assert_eq!(
        reasons,
        [
            Reason::VlanInUse,
            Reason::NotFound(Kind::Network),
            Reason::NotFound(Kind::Subnet)
        ]
    );
    let refused = refusals(refused);
    assert_eq!(
        refused.iter().map(|(index, _)| *index).collect::<Vec<_>>(),
        [Some(1), Some(2), Some(3)]
    );
    assert!(
        refused[0]
            .1
            .contains("VLAN `100` is in use by network `blue`")
    );
}

#[test]
fn what_one_object_gives_up_another_one_may_take() {
    let mut ledger = ledger();
    // The taker comes first, in the list and by its name.
    let wanted = [
        ObjectSpec::Network(network("azure", "100")),
        ObjectSpec::Network(network("blue", "200")),
    ];
    let outcomes = applied(&mut ledger, &wanted).unwrap();
    assert_eq!(outcomes.change.edits().len(), 2);
    // Nobody gives up anything before the other one has.
    let swapped = [
        ObjectSpec::Network(network("azure", "200")),
        ObjectSpec::Network(network("blue", "100")),
    ];
    assert_eq!(applied(&mut ledger, &swapped).unwrap_err().objects.len(), 2);
}

#[test]
fn an_object_that_is_there_twice_is_named_with_both_places() {
    let mut ledger = Ledger::default();
    let wanted = [profile("gold"), profile("tin"), profile("gold")];
    let refused = refusals(applied(&mut ledger, &wanted).unwrap_err());
    assert_eq!(
        refused,
        [(
            Some(2),
            "profile `gold` is there twice, first as number 0, counted from 0: leave one out"
                .to_owned()
        )]
    );
}

#[test]
fn addresses_are_chosen_beside_those_that_are_named() {
    let mut ledger = Ledger::default();
    let mut wanted = everything();
    let any = crate::ReservationSpec {
        addresses: crate::Wanted::Any {
            subnets: vec![name("b")],
            count: 1,
        },
        ..reservation("a-any", Holder::Pod(pod("cache-0")), &[])
    };
    // Else the first free one would be chosen, which is the one that is named.
    wanted[0] = ObjectSpec::Reservation(reservation("db", Holder::Pod(pod("db-0")), &["10.1.0.2"]));
    wanted.insert(0, ObjectSpec::Reservation(any));
    applied(&mut ledger, &wanted).unwrap();
    let chosen = &ledger
        .catalog()
        .reservation(&name("a-any"))
        .unwrap()
        .addresses;
    assert_eq!(chosen[0].ip, ip("10.1.0.3"));
    assert!(applied(&mut ledger, &wanted).unwrap().change.is_empty());
}

#[test]
fn only_what_matches_and_is_not_in_the_list_is_pruned() {
    let mut ledger = Ledger::default();
    let labelled = |name: &str, vlan: &str| {
        ObjectSpec::Network(NetworkSpec {
            labels: [(parse("team"), parse("a"))].into_iter().collect(),
            ..network(name, vlan)
        })
    };
    let mut wanted = everything();
    wanted.extend([labelled("red", "200"), labelled("green", "300")]);
    applied(&mut ledger, &wanted).unwrap();
    let outcomes = pruned(&mut ledger, &[labelled("red", "200")], "team=a").unwrap();
    assert_eq!(keys(&outcomes), ["network `red`", "network `green`"]);
    assert_eq!(outcomes.objects[1].index, None);
    assert_eq!(outcomes.objects[1].after, None);
    assert!(ledger.catalog().network(&name("blue")).is_some());
    // Without being asked, nothing goes.
    assert!(applied(&mut ledger, &[]).unwrap().change.is_empty());
}

#[test]
fn what_is_pruned_goes_with_all_that_refers_to_it_or_not_at_all() {
    let mut ledger = Ledger::default();
    applied(&mut ledger, &everything()).unwrap();
    let outcomes = pruned(&mut ledger, &[], "!team").unwrap();
    assert_eq!(outcomes.change.edits().len(), 6);
    assert_eq!(ledger.catalog().networks().count(), 0);

    applied(&mut ledger, &everything()).unwrap();
    add_node(&mut ledger, "n1", "r1");
    bind(&mut ledger, "c1/eth0", None, "10.1.0.50");
    let before = ledger.clone();
    let refused = refusals(pruned(&mut ledger, &[], "!team").unwrap_err());
    assert_eq!(ledger, before);
    let subnet = refused.iter().find(|(_, why)| why.contains("`10.1.0.50`"));
    assert!(subnet.is_some(), "{refused:?}");
}

#[test]
fn a_pruned_subnet_takes_its_pools_along_unless_they_are_listed() {
    let mut ledger = ledger();
    let labels = [(parse("team"), parse("a"))].into_iter().collect();
    let of_team = SubnetSpec {
        labels,
        ..subnet("b", "10.1.0.0/24", "10.1.0.1", &[])
    };
    add_subnet(&mut ledger, &of_team);
    let web = ObjectSpec::Pool(pool("web", &["10.1.0.20"]));
    applied(&mut ledger, std::slice::from_ref(&web)).unwrap();
    let refused = refusals(pruned(&mut ledger, &[web], "team=a").unwrap_err());
    assert!(
        refused[0]
            .1
            .contains("is not in the list, but its pool `web` is"),
        "{refused:?}"
    );
    let outcomes = pruned(&mut ledger, &[], "team=a").unwrap();
    assert_eq!(keys(&outcomes), ["subnet `b`", "pool `b/web`"]);
}

fn effect(outcomes: &Outcomes, kind: EffectKind) -> Option<&Effect> {
    let effects = outcomes.objects.iter().flat_map(|outcome| &outcome.effects);
    effects.into_iter().find(|effect| effect.kind == kind)
}

#[test]
fn who_is_touched_is_named() {
    let mut ledger = ledger();
    add_subnet(&mut ledger, &subnet("b", "10.1.0.0/24", "10.1.0.1", &[]));
    add_profile(&mut ledger, "gold");
    let gold = crate::AllocateRequest {
        profile: Some(name("gold")),
        pod: Some(pod("web-0")),
        ..request("c1/eth0")
    };
    take(&mut ledger, &gold);
    take(&mut ledger, &request("c2/eth0"));
    let wanted = [
        ObjectSpec::Subnet(subnet(
            "b",
            "10.1.0.0/24",
            "10.1.0.254",
            &["10.1.0.2-10.1.0.99"],
        )),
        ObjectSpec::Network(NetworkSpec {
            mtu: parse("9000"),
            ..network("blue", "100")
        }),
        ObjectSpec::Profile(ProfileSpec {
            dscp: trunkline_types::Dscp::try_from(46).ok(),
            ..match profile("gold") {
                ObjectSpec::Profile(spec) => spec,
                _ => unreachable!(),
            }
        }),
        ObjectSpec::Group(GroupSpec {
            network: Some(name("blue")),
            profile: None,
            ..group(
                "shop",
                Scope::Namespaces {
                    namespaces: namespaces(&["shop"]),
                },
            )
        }),
    ];
    let outcomes = applied(&mut ledger, &wanted).unwrap();
    let total = |kind| effect(&outcomes, kind).map(|effect| effect.total);
    assert_eq!(total(EffectKind::KeepsGateway), Some(2));
    assert_eq!(total(EffectKind::KeepsMtu), Some(2));
    assert_eq!(total(EffectKind::ShapedAnew), Some(1));
    assert_eq!(total(EffectKind::MayBindOtherwise), Some(1));
    let withdrawn = effect(&outcomes, EffectKind::Withdrawn).unwrap();
    assert_eq!(withdrawn.ranges, [parse("10.1.0.100-10.1.0.254")]);
    // What changes nothing touches nobody.
    let again = applied(&mut ledger, &wanted).unwrap();
    assert!(
        again
            .objects
            .iter()
            .all(|outcome| outcome.effects.is_empty())
    );
}

fn adoption(address: &str) -> Adoption {
    Adoption {
        ip: parse(address),
        mac: None,
        pod: None,
        place: None,
        owner: String::new(),
    }
}

fn of_pod(address: &str, name: &str) -> Adoption {
    Adoption {
        pod: Some(pod(name)),
        ..adoption(address)
    }
}

fn in_use(address: &str, attachment: &str, node: &str) -> Adoption {
    Adoption {
        place: Some(Place {
            attachment: parse(attachment),
            node: parse(node),
        }),
        ..adoption(address)
    }
}

fn imported(ledger: &mut Ledger, adoptions: &[Adoption]) -> Result<Outcomes, Refused> {
    let wanted = Import {
        adoptions: adoptions.to_vec(),
        retention: Retention::Forever,
        reason: "imported".to_owned(),
    };
    let outcomes = import(&mut Rehearsal::on(ledger), &wanted, &Policy::default(), NOW)?;
    ledger.apply(&outcomes.change);
    ledger.catalog().check().unwrap();
    assert_eq!(*ledger, Ledger::of(ledger.catalog().clone()));
    Ok(outcomes)
}

/// A subnet of each family.
fn two_families() -> Ledger {
    let mut ledger = ledger();
    add_subnet(&mut ledger, &subnet("b", "10.1.0.0/28", "10.1.0.1", &[]));
    let six = in_rack(subnet("b6", "fd00::/64", "fd00::1", &[]), "r1");
    add_subnet(&mut ledger, &six);
    ledger
}

#[test]
fn an_imported_address_is_its_pods_and_nobody_elses() {
    let mut ledger = two_families();
    let adoptions = [of_pod("10.1.0.2", "db-0"), of_pod("fd00::2", "db-0")];
    let outcomes = imported(&mut ledger, &adoptions).unwrap();
    assert_eq!(keys(&outcomes), ["reservation `imported-10.1.0.2`"]);
    // The first free one is another one by now.
    assert_eq!(take(&mut ledger, &request("c1/eth0")), "10.1.0.3");
    let own = crate::AllocateRequest {
        pod: Some(pod("db-0")),
        ..request("c2/eth0")
    };
    let planned = allocate(&ledger, &own, &Policy::default(), NOW).unwrap();
    let own: Vec<_> = planned.object.addresses.iter().map(|one| one.ip).collect();
    assert_eq!(own, [ip("10.1.0.2"), ip("fd00::2")]);
    // An import that breaks off is repeated as a whole.
    assert!(imported(&mut ledger, &adoptions).unwrap().change.is_empty());
}

#[test]
fn an_address_of_nobodys_pod_is_kept_out_of_circulation() {
    let mut ledger = two_families();
    let printer = Adoption {
        owner: "printer".to_owned(),
        ..adoption("10.1.0.2")
    };
    imported(&mut ledger, std::slice::from_ref(&printer)).unwrap();
    assert_eq!(take(&mut ledger, &request("c1/eth0")), "10.1.0.3");
    let reservation = ledger.catalog().reservation_of(ip("10.1.0.2")).unwrap();
    assert_eq!(reservation.owner, "printer");
    assert!(imported(&mut ledger, &[printer]).unwrap().change.is_empty());
}

#[test]
fn an_address_in_use_becomes_an_endpoint() {
    let mut ledger = two_families();
    let with_pod = Adoption {
        pod: Some(pod("web-0")),
        mac: Some(parse("0a:00:00:00:00:01")),
        ..in_use("10.1.0.3", "c2/eth0", "n1")
    };
    let adoptions = [in_use("10.1.0.2", "c1/eth0", "n1"), with_pod];
    let outcomes = imported(&mut ledger, &adoptions).unwrap();
    assert_eq!(
        keys(&outcomes),
        [
            "endpoint `c1/eth0`",
            "reservation `imported-10.1.0.3`",
            "endpoint `c2/eth0`"
        ]
    );
    let endpoint = ledger.catalog().endpoint(&parse("c2/eth0")).unwrap();
    assert_eq!(endpoint.mac, parse("0a:00:00:00:00:01"));
    assert_eq!(endpoint.reservation, Some(name("imported-10.1.0.3")));
    assert_eq!(take(&mut ledger, &request("c3/eth0")), "10.1.0.4");
    assert!(imported(&mut ledger, &adoptions).unwrap().change.is_empty());
}

#[test]
fn every_address_that_cannot_be_taken_over_is_named() {
    let mut ledger = two_families();
    bind(&mut ledger, "used/eth0", None, "10.1.0.5");
    let set = Holder::StatefulSet(Workload {
        namespace: "shop".to_owned(),
        name: "db".to_owned(),
    });
    reserve(&mut ledger, &reservation("db", set, &["10.1.0.6"]));
    let before = ledger.clone();
    let odd = |ip: &str, mac: &str| Adoption {
        mac: Some(parse(mac)),
        ..of_pod(ip, "odd-0")
    };
    let cases = [
        (of_pod("10.9.0.1", "a-0"), "is in no subnet"),
        (of_pod("10.1.0.1", "b-0"), "is the gateway"),
        (of_pod("10.1.0.5", "c-0"), "is in use by endpoint used/eth0"),
        (of_pod("10.1.0.6", "d-0"), "is reserved by `db`"),
        (
            in_use("10.1.0.7", "c7/eth0", "n7"),
            "node `n7` is not registered",
        ),
        (
            in_use("10.1.0.8", "used/eth0", "n1"),
            "attachment `used/eth0` has an address",
        ),
        (in_use("10.1.0.6", "c6/eth0", "n1"), "is there twice"),
        (
            odd("10.1.0.9", "03:00:00:00:00:01"),
            "is not that of one machine",
        ),
        (of_pod("10.1.0.10", "e-0"), ""),
        (
            of_pod("10.1.0.11", "e-0"),
            "is the second one of its family for pod `shop/e-0`",
        ),
        (
            odd("10.1.0.12", "02:01:0a:01:00:0d"),
            "is what whoever has `10.1.0.13` gets",
        ),
    ];
    let adoptions: Vec<_> = cases.iter().map(|(adoption, _)| adoption.clone()).collect();
    // Two of one pod are one reservation, so the odd ones are of pods of their own.
    let adoptions: Vec<_> = adoptions
        .into_iter()
        .enumerate()
        .map(|(index, adoption)| Adoption {
            pod: adoption.pod.clone().map(|own| match own.name.as_str() {
                "odd-0" => pod(&format!("odd-{index}")),
                _ => own,
            }),
            ..adoption
        })
        .collect();
    let refused = refusals(imported(&mut ledger, &adoptions).unwrap_err());
    assert_eq!(ledger, before);
    let mut refused = refused.into_iter();
    for (index, (_, says)) in cases.iter().enumerate() {
        if says.is_empty() {
            continue;
        }
        let (place, why) = refused.next().unwrap();
        assert_eq!(place, Some(index), "{why}");
        assert!(why.contains(says), "{index}: {why}");
    }
    assert_eq!(refused.next(), None);
}

#[test]
fn a_rehearsal_folds_what_comes_and_goes() {
    let mut ledger = ledger();
    let before = ledger.clone();
    let mut rehearsal = Rehearsal::on(&mut ledger);
    let green = crate::create_network(rehearsal.ledger().catalog(), &network("green", "7"));
    rehearsal.make(&green.unwrap().change);
    let gone = crate::delete_network(rehearsal.ledger().catalog(), &name("green"), None);
    rehearsal.make(&gone.unwrap());
    assert_eq!(
        rehearsal.change(),
        Change::none(before.catalog().revision())
    );
    let red = crate::create_network(rehearsal.ledger().catalog(), &network("red", "7"));
    rehearsal.make(&red.unwrap().change);
    let change = rehearsal.change();
    assert_eq!(change.edits().len(), 1);
    assert_eq!(change.revision(), before.catalog().revision().next());
    drop(rehearsal);
    assert_eq!(ledger, before);
}

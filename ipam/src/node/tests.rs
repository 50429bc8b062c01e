use super::*;
use crate::fixture::{
    NOW, add_node, add_pool, add_subnet, give_back, ledger, name, pool, request, subnet, take,
};
use crate::{Kind, LeaseRequest, Ledger, Reason, Refusal, lease};

fn spec(rack: &str) -> NodeSpec {
    NodeSpec {
        name: name("n1"),
        rack: name(rack),
        labels: Default::default(),
        boot_id: None,
        agent_version: None,
    }
}

#[test]
fn registering_again_changes_nothing() {
    let ledger = ledger();
    let planned = register_node(&ledger, &spec("r1"), &Policy::default(), NOW).unwrap();
    assert!(planned.change.is_empty());
}

#[test]
fn a_node_with_endpoints_stays_in_its_rack() {
    let mut ledger = ledger();
    add_subnet(&mut ledger, &subnet("b", "10.1.0.0/24", "10.1.0.1", &[]));
    take(&mut ledger, &request("c1/eth0"));
    let error = register_node(&ledger, &spec("r2"), &Policy::default(), NOW).unwrap_err();
    assert_eq!(
        error.to_string(),
        "node `n1` cannot move from rack `r1` to rack `r2` while 1 address(es) are bound or \
         leased on it, `10.1.0.2`: move its pods elsewhere first, or correct its rack"
    );
    give_back(&mut ledger, "c1/eth0");
    add_node(&mut ledger, "n1", "r2");
    assert_eq!(ledger.catalog().node(&name("n1")).unwrap().rack, name("r2"));
}

fn with_own_addresses() -> Ledger {
    let mut ledger = ledger();
    add_subnet(&mut ledger, &subnet("b", "10.1.0.0/24", "10.1.0.1", &[]));
    add_pool(&mut ledger, &pool("nodes", &["10.1.0.200-10.1.0.201"]));
    add_node(&mut ledger, "n1", "r1");
    ledger
}

fn finish(ledger: &mut Ledger, why: RemovalCause) -> usize {
    let mut steps = 0;
    loop {
        let step = remove_node(ledger.catalog(), &name("n1"), why, NOW).unwrap();
        assert!(step.change.edits().len() <= 100);
        ledger.apply(&step.change);
        ledger.catalog().check().unwrap();
        steps += 1;
        if step.done {
            return steps;
        }
    }
}

#[test]
fn a_node_has_addresses_of_its_own_from_the_pool_for_nodes() {
    let mut ledger = with_own_addresses();
    let own = |ledger: &Ledger, node| {
        ledger
            .catalog()
            .node(&name(node))
            .unwrap()
            .addresses
            .clone()
    };
    assert_eq!(own(&ledger, "n1")[0].ip.to_string(), "10.1.0.200");
    add_node(&mut ledger, "n2", "r2");
    add_node(&mut ledger, "n3", "r2");
    assert_eq!(own(&ledger, "n2")[0].ip.to_string(), "10.1.0.201");
    assert!(
        own(&ledger, "n3").is_empty(),
        "the pool is used up, and the node is registered"
    );
    ledger.catalog().check().unwrap();
}

#[test]
fn a_sign_of_life_is_written_now_and_then_and_news_at_once() {
    let ledger = with_own_addresses();
    let register = |spec: &NodeSpec, seconds| {
        register_node(&ledger, spec, &Policy::default(), NOW.after(seconds)).unwrap()
    };
    assert!(
        register(&spec("r1"), Node::HEARD_GRAIN - 1)
            .change
            .is_empty()
    );
    let heard = register(&spec("r1"), Node::HEARD_GRAIN);
    assert_eq!(heard.object.last_heard, NOW.after(Node::HEARD_GRAIN));
    let booted = NodeSpec {
        boot_id: Some("another".to_owned()),
        ..spec("r1")
    };
    let booted = register(&booted, 5);
    assert_eq!(
        (booted.object.last_heard, booted.change.edits().len()),
        (NOW.after(5), 1)
    );
}

#[test]
fn an_operator_removes_only_a_node_that_has_nothing_unless_it_is_off() {
    let mut ledger = with_own_addresses();
    for index in 0..60 {
        take(&mut ledger, &request(&format!("c{index}/eth0")));
    }
    let remove = |ledger: &Ledger, why| remove_node(ledger.catalog(), &name("n1"), why, NOW);
    let error = remove(&ledger, RemovalCause::Operator).unwrap_err();
    assert_eq!(error.reason(), Reason::InUse(Kind::Node));
    assert!(
        error
            .to_string()
            .starts_with("node `n1` has 61 address(es), "),
        "{error}"
    );
    assert!(
        finish(&mut ledger, RemovalCause::PoweredOff) > 2,
        "it is done in steps"
    );
    assert!(ledger.catalog().node(&name("n1")).is_none());
    assert_eq!(ledger.catalog().in_use(&name("b")), 0);
}

#[test]
fn a_removal_that_has_begun_is_found_by_a_new_leader_and_stops_the_node() {
    let mut ledger = with_own_addresses();
    take(&mut ledger, &request("c1/eth0"));
    let why = RemovalCause::OutOfService;
    let step = remove_node(ledger.catalog(), &name("n1"), why, NOW).unwrap();
    assert!(!step.done);
    ledger.apply(&step.change);
    assert_eq!(unfinished_removals(ledger.catalog()), [(name("n1"), why)]);
    let error = register_node(&ledger, &spec("r1"), &Policy::default(), NOW).unwrap_err();
    assert_eq!(error.reason(), Reason::Fenced);
    finish(&mut ledger, why);
    assert_eq!(unfinished_removals(ledger.catalog()), []);
}

#[test]
fn a_node_that_comes_back_has_a_fence_that_it_never_had() {
    let mut ledger = with_own_addresses();
    let fence = |ledger: &Ledger| ledger.catalog().node(&name("n1")).unwrap().fence;
    let before = fence(&ledger);
    finish(&mut ledger, RemovalCause::PoweredOff);
    add_node(&mut ledger, "n1", "r1");
    assert!(fence(&ledger) > before);
}

#[test]
fn farewell_takes_leases_and_own_addresses_and_leaves_pods_alone() {
    let mut ledger = with_own_addresses();
    take(&mut ledger, &request("c1/eth0"));
    let fence = ledger.catalog().node(&name("n1")).unwrap().fence;
    assert!(farewell(ledger.catalog(), &name("n1"), fence - 1, NOW).is_err());
    for _ in 0..2 {
        let step = farewell(ledger.catalog(), &name("n1"), fence, NOW).unwrap();
        ledger.apply(&step.change);
    }
    let again = farewell(ledger.catalog(), &name("n1"), fence, NOW).unwrap();
    assert!(again.done && again.change.is_empty());
    assert_eq!(ledger.catalog().in_use(&name("b")), 1);
}

#[test]
fn a_node_is_overdue_when_nobody_heard_it_for_the_offline_limit() {
    let mut ledger = with_own_addresses();
    let policy = Policy::default();
    let wish = LeaseRequest {
        node: name("n1"),
        fence: ledger.catalog().node(&name("n1")).unwrap().fence,
        network: name("blue"),
        count: 2,
    };
    let leased = lease(&ledger, &wish, &policy, NOW).unwrap();
    ledger.apply(&leased.change);
    let limit = policy.offline_limit.as_secs();
    let overdue = |ledger: &Ledger, heard, now| {
        overdue_nodes(
            ledger.catalog(),
            |_| NOW.after(heard),
            &policy,
            NOW.after(now),
        )
    };
    assert_eq!(overdue(&ledger, 50, limit + 50), []);
    assert_eq!(overdue(&ledger, 50, limit + 51), [name("n1")]);
    finish(&mut ledger, RemovalCause::Offline);
    assert_eq!(
        overdue(&ledger, 50, limit + 51),
        [],
        "it has nothing left to take"
    );
    assert_eq!(
        ledger.catalog().node(&name("n1")).unwrap().addresses.len(),
        1
    );
}

#[test]
fn an_operator_who_removes_a_node_locks_it_out_and_nobody_else_does() {
    for why in [RemovalCause::Farewell, RemovalCause::OutOfService] {
        let mut ledger = with_own_addresses();
        finish(&mut ledger, why);
        assert!(ledger.catalog().lockout(&name("n1")).is_none(), "{why:?}");
    }
    for why in [RemovalCause::Operator, RemovalCause::PoweredOff] {
        let mut ledger = ledger();
        let begun = remove_node(ledger.catalog(), &name("n1"), why, NOW).unwrap();
        ledger.apply(&begun.change);
        let since = |ledger: &Ledger| ledger.catalog().lockout(&name("n1")).unwrap().before;
        assert_eq!(since(&ledger), NOW, "from the first step on");
        finish(&mut ledger, why);
        assert_eq!(since(&ledger), NOW);
        ledger.catalog().check().unwrap();
    }
}

#[test]
fn an_operator_who_joins_in_a_removal_locks_the_node_out() {
    let mut ledger = with_own_addresses();
    for index in 0..100 {
        take(&mut ledger, &request(&format!("c{index}/eth0")));
    }
    let why = RemovalCause::OutOfService;
    let begun = remove_node(ledger.catalog(), &name("n1"), why, NOW).unwrap();
    ledger.apply(&begun.change);
    assert!(ledger.catalog().lockout(&name("n1")).is_none());
    let later = NOW.after(60);
    let mut steps = Vec::new();
    while ledger.catalog().node(&name("n1")).is_some() {
        let why = RemovalCause::Operator;
        let step = remove_node(ledger.catalog(), &name("n1"), why, later).unwrap();
        ledger.apply(&step.change);
        steps.push(ledger.catalog().lockout(&name("n1")).unwrap().before);
    }
    assert!(steps.len() > 1, "{steps:?}");
    assert!(steps.iter().all(|since| *since == later), "{steps:?}");
}

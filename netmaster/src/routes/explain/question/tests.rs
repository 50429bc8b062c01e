use trunkline_ipam::{
    Change, GroupSpec, Ledger, Policy, ReservationSpec, ReservedAddress, Retention, Scope,
    Timestamp, Wanted, Workload, allocate, create_group, create_network, create_reservation,
    create_subnet, register_node,
};

use super::*;
use crate::orchestrator::{Boxed, Nobody, NodeSeen, Orchestrator, Place, PodSeen};
use crate::store::conformance::{NOW, endpoint, network, node, subnet};

/// An orchestrator that has this to say of every pod.
struct Says(Known);

impl Orchestrator for Says {
    fn pod(&self, _: &Pod) -> PodSeen {
        PodSeen::Unknown
    }

    fn node(&self, _: &Name) -> NodeSeen {
        NodeSeen::Unknown
    }

    fn known(&self, _: &Pod) -> Known {
        self.0.clone()
    }

    fn place<'a>(&'a self, _: &'a Pod, _: &'a Name, _: Option<&'a str>) -> Boxed<'a, Place> {
        Box::pin(std::future::ready(Place::Unknown))
    }

    fn deleted<'a>(&'a self, _: &'a Holder) -> Boxed<'a, Option<bool>> {
        Box::pin(std::future::ready(None))
    }
}

fn name(text: &str) -> Name {
    text.parse().unwrap()
}

fn web() -> Pod {
    Pod {
        namespace: "shop".to_owned(),
        name: "web-7f9-x2x".to_owned(),
    }
}

fn deployment() -> Holder {
    Holder::Workload(Workload {
        namespace: "shop".to_owned(),
        name: "web".to_owned(),
    })
}

/// What Kubernetes has of [`web`]: it is on `n1`, has the label `app=web`, is of Deployment `web`
/// and asks for network `green`.
fn facts() -> Facts {
    let labels = [("app".parse().unwrap(), "web".parse().unwrap())];
    Facts {
        labels: labels.into_iter().collect(),
        workloads: vec![deployment()],
        asks: [(Facts::NETWORK.to_owned(), "green".to_owned())].into(),
        ..Facts::default()
    }
}

fn there(facts: Facts) -> Pods {
    Pods::of(Arc::new(Says(Known::There {
        node: Some("n1".to_owned()),
        facts: facts.into(),
    })))
}

/// Groups for all, for the label `app=web` and for nodes with `shift=night`, and a reservation for
/// Deployment `web`. The pod has an endpoint on node `n1`.
fn ledger() -> Ledger {
    let mut ledger = Ledger::default();
    let mut make = |plan: &dyn Fn(&Ledger) -> Change| {
        let change = plan(&ledger);
        ledger.apply(&change);
    };
    let policy = Policy::default();
    make(&|ledger| {
        let blue = network("blue", "100");
        create_network(ledger.catalog(), &blue).unwrap().change
    });
    make(&|ledger| {
        let subnet = subnet("blue-r1", "blue");
        create_subnet(ledger.catalog(), &subnet).unwrap().change
    });
    make(&|ledger| {
        register_node(ledger, &node("n1"), &policy, NOW)
            .unwrap()
            .change
    });
    let labelled = Scope::Pods {
        namespaces: [name("shop")].into(),
        pods: "app=web".parse().unwrap(),
    };
    let night = Scope::NodeClass {
        nodes: "shift=night".parse().unwrap(),
    };
    for (group, scope) in [
        ("all", Scope::Cluster),
        ("labelled", labelled),
        ("night", night),
    ] {
        let spec = GroupSpec {
            name: name(group),
            scope,
            network: Some(name("blue")),
            pool: None,
            profile: None,
            priority: 0,
            labels: Labels::default(),
        };
        make(&|ledger| create_group(ledger.catalog(), &spec).unwrap().change);
    }
    let address = ReservedAddress {
        ip: "10.1.0.9".parse().unwrap(),
        mac: None,
    };
    let reservation = ReservationSpec {
        name: name("web"),
        network: name("blue"),
        holder: deployment(),
        addresses: Wanted::Named(vec![address]),
        spare: 0,
        retention: Retention::Forever,
        owner: String::new(),
        reason: String::new(),
        expires: None,
        labels: Labels::default(),
    };
    make(&|ledger| {
        create_reservation(ledger, &reservation, NOW)
            .unwrap()
            .change
    });
    make(&|ledger| {
        let mut request = endpoint("c1/eth0", "blue");
        request.pod = Some(web());
        allocate(ledger, &request, &policy, NOW).unwrap().change
    });
    ledger
}

fn explained(spec: ExplainSpec, pods: &Pods) -> Explanation {
    let ledger = ledger();
    let scene = Scene {
        catalog: ledger.catalog(),
        policy: &Policy::default(),
        now: Timestamp::from_unix_seconds(NOW.unix_seconds() + 1),
    };
    Question::of(spec, pods).unwrap().answer(&scene).unwrap()
}

fn about(pod: Pod) -> ExplainSpec {
    ExplainSpec {
        pod: Some(pod),
        ..ExplainSpec::default()
    }
}

/// By group what is said of it.
fn why_not(explanation: &Explanation, group: &str) -> Option<String> {
    let mut rungs = explanation.ladder.iter();
    let of = |rung: &&Rung| rung.group.as_ref().is_some_and(|one| one.as_str() == group);
    rungs.find(of).unwrap().why_not.clone()
}

#[test]
fn what_is_not_said_of_a_pod_is_what_the_orchestrator_has_of_it() {
    let explanation = explained(about(web()), &there(facts()));
    assert_eq!(explanation.orchestrator, Some(PodExistence::There));
    assert_eq!(explanation.node, Some(name("n1")));
    assert_eq!(explanation.pod_labels, Some(facts().labels));
    assert_eq!(why_not(&explanation, "labelled"), None);
    // It asks for that itself, and gets it.
    assert_eq!(explanation.network.unwrap().value, name("green"));
    let reserved: Vec<_> = explanation
        .reservations
        .iter()
        .map(|one| &one.name)
        .collect();
    assert_eq!(reserved, [&name("web")], "it is one of the Deployment's");
}

#[test]
fn what_the_question_says_of_a_pod_counts_instead() {
    let labels = [("app".parse().unwrap(), "db".parse().unwrap())];
    let spec = ExplainSpec {
        pod_labels: labels.into_iter().collect(),
        network: Some(name("blue")),
        ..about(web())
    };
    let explanation = explained(spec, &there(facts()));
    assert_eq!(why_not(&explanation, "labelled").as_deref(), Some("labels"));
    assert_eq!(explanation.network.unwrap().value, name("blue"));
    let spec = ExplainSpec {
        namespace: Some(name("web")),
        ..about(web())
    };
    let refused = Question::of(spec, &there(facts())).unwrap_err();
    assert_eq!(refused.problem().field.as_deref(), Some("namespace"));
}

#[test]
fn what_nobody_knows_of_a_pod_is_said_to_be_unknown() {
    let nobody = Pods::of(Arc::new(Nobody));
    let explanation = explained(about(web()), &nobody);
    assert_eq!(explanation.orchestrator, None);
    assert_eq!(explanation.pod_labels, None);
    assert_eq!(explanation.node, Some(name("n1")), "by its endpoint");
    let why = |group| why_not(&explanation, group);
    assert_eq!(why("labelled").as_deref(), Some("labels_unknown"));
    assert_eq!(why("night").as_deref(), Some("node"));

    let other = Pod {
        name: "other".to_owned(),
        ..web()
    };
    for (known, existence) in [
        (Known::Unknown, PodExistence::Unknown),
        (Known::Absent, PodExistence::Absent),
    ] {
        let pods = Pods::of(Arc::new(Says(known)));
        let explanation = explained(about(other.clone()), &pods);
        assert_eq!(explanation.orchestrator, Some(existence));
        let why = |group| why_not(&explanation, group);
        assert_eq!(why("labelled").as_deref(), Some("labels_unknown"));
        assert_eq!(why("night").as_deref(), Some("node_unknown"));
    }

    // A pod that nobody named has the labels that it is said to have, and no others.
    let explanation = explained(ExplainSpec::default(), &nobody);
    let why = |group| why_not(&explanation, group);
    assert_eq!(why("labelled").as_deref(), Some("namespace_unknown"));
    assert_eq!(explanation.pod_labels, Some(Labels::default()));
    let spec = ExplainSpec {
        namespace: Some(name("shop")),
        ..ExplainSpec::default()
    };
    let explanation = explained(spec, &nobody);
    assert_eq!(why_not(&explanation, "labelled").as_deref(), Some("labels"));
}

#[test]
fn a_pod_that_asks_for_what_is_no_name_is_told_to_get_nothing() {
    let wrong = Facts {
        asks: [(Facts::POOL.to_owned(), "no such".to_owned())].into(),
        ..facts()
    };
    let explanation = explained(about(web()), &there(wrong));
    let refusal = explanation.refusal.unwrap();
    assert!(refusal.contains("`trunkline.io/pool`"), "{refusal}");
    assert_eq!(explained(about(web()), &there(facts())).refusal, None);
}

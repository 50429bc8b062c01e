use proptest::prelude::*;

use super::*;
use crate::fixture::{
    add_group, add_profile, add_subnet, group, ledger, name, namespaces, network, parse, subnet,
};
use crate::{GroupSpec, Ledger, Node, create_group, create_network};

fn labels(text: &[(&str, &str)]) -> Labels {
    text.iter()
        .map(|(key, value)| (parse(key), parse(value)))
        .collect()
}

/// With networks `blue`, `green` and `red`, and profile `gold`.
fn ledger_with_networks() -> Ledger {
    let mut ledger = ledger();
    for (other, vlan) in [("green", "200"), ("red", "300")] {
        let planned = create_network(ledger.catalog(), &network(other, vlan)).unwrap();
        ledger.apply(&planned.change);
    }
    add_profile(&mut ledger, "gold");
    add_subnet(&mut ledger, &subnet("b", "10.1.0.0/24", "10.1.0.1", &[]));
    ledger
}

fn on(network: &str, spec: GroupSpec) -> GroupSpec {
    GroupSpec {
        network: Some(name(network)),
        profile: None,
        ..spec
    }
}

fn nobody(labels: &Labels) -> Subject<'_> {
    Subject {
        node: None,
        namespace: None,
        labels,
        network: None,
        pool: None,
        profile: None,
    }
}

fn gpu_node() -> Node {
    let ledger = ledger();
    let node = ledger.catalog().node(&name("n1")).unwrap();
    Node {
        labels: labels(&[("class", "gpu")]),
        ..Node::clone(node)
    }
}

/// A group at each level, from the cluster to labels, for a network of its own.
fn ladder() -> Ledger {
    let mut ledger = ledger_with_networks();
    let shop = || namespaces(&["shop"]);
    let scopes = [
        ("all", "blue", Scope::Cluster),
        (
            "gpus",
            "green",
            Scope::NodeClass {
                nodes: parse("class=gpu"),
            },
        ),
        ("shops", "red", Scope::Namespaces { namespaces: shop() }),
        (
            "webs",
            "blue",
            Scope::Pods {
                namespaces: shop(),
                pods: parse("app=web"),
            },
        ),
    ];
    for (group_name, network, scope) in scopes {
        add_group(&mut ledger, &on(network, group(group_name, scope)));
    }
    ledger
}

#[test]
fn the_most_specific_rung_wins() {
    let ledger = ladder();
    let (none, web) = (Labels::default(), labels(&[("app", "web")]));
    let (node, green) = (gpu_node(), name("green"));
    let chosen = |subject: Subject<'_>| {
        let choice = resolve(ledger.catalog(), &subject).network.unwrap();
        let group = choice.group.map(|group| group.to_string());
        (choice.level, group.unwrap_or_default())
    };
    let mut subject = nobody(&none);
    assert_eq!(chosen(subject), (Level::Cluster, "all".to_owned()));
    subject.node = Some(&node);
    assert_eq!(chosen(subject), (Level::NodeClass, "gpus".to_owned()));
    subject.namespace = Some("shop");
    assert_eq!(chosen(subject), (Level::Namespace, "shops".to_owned()));
    subject.labels = &web;
    assert_eq!(chosen(subject), (Level::Labels, "webs".to_owned()));
    subject.network = Some(&green);
    assert_eq!(chosen(subject), (Level::Pod, String::new()));
}

#[test]
fn the_ladder_says_of_every_rung_why_it_counted_or_not() {
    let ledger = ladder();
    let web = labels(&[("app", "web")]);
    let subject = Subject {
        namespace: Some("bank"),
        ..nobody(&web)
    };
    let outcomes = |resolution: Resolution| {
        let rung = |rung: Rung| {
            let group = rung.group.map(|group| group.name.to_string());
            (group.unwrap_or_default(), rung.outcome)
        };
        resolution.ladder.into_iter().map(rung).collect::<Vec<_>>()
    };
    let missed = |group: &str, miss| (group.to_owned(), Outcome::Missed(miss));
    let settled = Outcome::Matched {
        settles: vec![Binding::Network],
    };
    assert_eq!(
        outcomes(explain(ledger.catalog(), &subject)),
        [
            missed("", Miss::SaysNothing),
            missed("webs", Miss::Namespace),
            missed("shops", Miss::Namespace),
            missed("gpus", Miss::Node),
            ("all".to_owned(), settled),
        ]
    );
    let subject = Subject {
        namespace: Some("shop"),
        labels: &Labels::default(),
        ..subject
    };
    let ladder = outcomes(resolve(ledger.catalog(), &subject));
    assert_eq!(ladder[1], missed("webs", Miss::Labels));
    let beaten = Outcome::Matched { settles: vec![] };
    assert_eq!(ladder[4], ("all".to_owned(), beaten));
}

#[test]
fn among_equals_the_higher_priority_wins() {
    let mut ledger = ledger_with_networks();
    for (group_name, network, priority) in [
        ("low", "blue", i32::MIN),
        ("high", "red", i32::MAX),
        ("mid", "green", 0),
    ] {
        let spec = on(network, group(group_name, Scope::Cluster));
        add_group(&mut ledger, &GroupSpec { priority, ..spec });
    }
    let none = Labels::default();
    let resolution = resolve(ledger.catalog(), &nobody(&none));
    assert_eq!(resolution.network.unwrap().value, name("red"));
}

#[test]
fn each_value_is_chosen_for_itself() {
    let mut ledger = ladder();
    add_group(
        &mut ledger,
        &group(
            "golden",
            Scope::NodeClass {
                nodes: parse("class=gpu"),
            },
        ),
    );
    let (none, node) = (Labels::default(), gpu_node());
    let subject = Subject {
        node: Some(&node),
        namespace: Some("shop"),
        ..nobody(&none)
    };
    let resolution = resolve(ledger.catalog(), &subject);
    assert_eq!(
        resolution.chosen(Binding::Network).unwrap().level,
        Level::Namespace
    );
    assert_eq!(
        resolution.chosen(Binding::Profile).unwrap().level,
        Level::NodeClass
    );
    assert_eq!(resolution.chosen(Binding::Pool), None);
}

#[test]
fn a_namespace_that_is_no_name_is_in_no_group() {
    let ledger = ladder();
    let none = Labels::default();
    for odd in ["", "Shop", "shop/", "a\0b", &"x".repeat(5000)] {
        let subject = Subject {
            namespace: Some(odd),
            ..nobody(&none)
        };
        let choice = resolve(ledger.catalog(), &subject).network.unwrap();
        assert_eq!(choice.level, Level::Cluster);
    }
}

const ZONES: [&str; 3] = ["", "zone=a", "zone=b"];

fn some_scope() -> impl Strategy<Value = Scope> {
    let selector = prop::sample::select(vec!["zone=a", "zone=b", "!zone", "zone", "tier=x"]);
    let spaces = prop::collection::btree_set(
        prop::sample::select(vec!["shop", "bank", "mail"]).prop_map(name),
        1..3,
    );
    prop_oneof![
        Just(Scope::Cluster),
        selector.clone().prop_map(|nodes| Scope::NodeClass {
            nodes: parse(nodes)
        }),
        spaces
            .clone()
            .prop_map(|namespaces| Scope::Namespaces { namespaces }),
        (spaces, selector).prop_map(|(namespaces, pods)| Scope::Pods {
            namespaces,
            pods: parse(pods)
        }),
    ]
}

fn some_group() -> impl Strategy<Value = GroupSpec> {
    let network = prop::option::of(prop::sample::select(vec!["blue", "green", "red"]));
    (some_scope(), network, any::<bool>(), -1..=1i32, 0..12u8).prop_map(
        |(scope, network, gold, priority, number)| GroupSpec {
            network: network.map(name),
            profile: gold.then(|| name("gold")),
            priority,
            ..group(&format!("g{number}"), scope)
        },
    )
}

fn some_labels() -> impl Strategy<Value = Labels> {
    prop::sample::select(ZONES.to_vec()).prop_map(|text| match text.split_once('=') {
        Some(label) => labels(&[label]),
        None => Labels::default(),
    })
}

/// What the issue says, word by word: of the groups that match and name the value, the one with
/// the highest level, and among those the one with the highest priority.
fn naive(ledger: &Ledger, subject: &Subject<'_>, binding: Binding) -> Option<(Name, Level)> {
    let own = match binding {
        Binding::Network => subject.network,
        Binding::Pool => subject.pool,
        Binding::Profile => subject.profile,
    };
    if let Some(own) = own {
        return Some((own.clone(), Level::Pod));
    }
    let matches = |group: &Group| match &group.scope {
        Scope::Cluster => true,
        Scope::NodeClass { nodes } => subject.node.is_some_and(|n| nodes.matches(&n.labels)),
        Scope::Namespaces { namespaces } => namespaces
            .iter()
            .any(|n| Some(n.as_str()) == subject.namespace),
        Scope::Pods { namespaces, pods } => {
            namespaces
                .iter()
                .any(|n| Some(n.as_str()) == subject.namespace)
                && pods.matches(subject.labels)
        }
    };
    let mut best: Vec<(Level, i32, Name)> = Vec::new();
    for group in ledger.catalog().groups().filter(|group| matches(group)) {
        if let Some(value) = group.bound(binding) {
            best.push((group.scope.level(), group.priority, value.clone()));
        }
    }
    let top = best
        .iter()
        .map(|(level, priority, _)| (*level, *priority))
        .max()?;
    let mut winners = best
        .into_iter()
        .filter(|(level, priority, _)| (*level, *priority) == top);
    let (level, _, value) = winners.next().unwrap();
    assert_eq!(winners.next(), None, "two groups are equal");
    Some((value, level))
}

proptest! {
    /// Whatever groups could be created, every pod's choice is the one that the rule names; no two
    /// groups are ever equal for a pod; and the long ladder decides as the short one.
    #[test]
    fn the_choice_is_the_one_that_the_rule_names(
        groups in prop::collection::vec(some_group(), 0..24),
        subjects in prop::collection::vec(
            (some_labels(), some_labels(), prop::option::of(0..4usize), any::<bool>(), any::<bool>()),
            1..12,
        ),
    ) {
        let mut ledger = ledger_with_networks();
        for spec in &groups {
            if let Ok(planned) = create_group(ledger.catalog(), spec) {
                ledger.apply(&planned.change);
            }
        }
        let (red, mut node) = (name("red"), gpu_node());
        for (pod_labels, node_labels, namespace, on_node, says) in subjects {
            node.labels = node_labels;
            let subject = Subject {
                node: on_node.then_some(&node),
                namespace: namespace.map(|n| ["shop", "bank", "mail", "none"][n]),
                labels: &pod_labels,
                network: says.then_some(&red),
                pool: None,
                profile: None,
            };
            let resolution = resolve(ledger.catalog(), &subject);
            let explained = explain(ledger.catalog(), &subject);
            prop_assert_eq!(explained.ladder.len(), ledger.catalog().groups().count() + 1);
            for binding in Binding::ALL {
                let chosen = resolution.chosen(binding);
                prop_assert_eq!(chosen, explained.chosen(binding));
                let chosen = chosen.map(|choice| (choice.value.clone(), choice.level));
                prop_assert_eq!(chosen, naive(&ledger, &subject, binding));
                let settling = explained.ladder.iter().filter(|rung| matches!(
                    &rung.outcome,
                    Outcome::Matched { settles } if settles.contains(&binding)
                ));
                let levels: Vec<_> = settling.map(|rung| rung.level).collect();
                let expected: Vec<_> = resolution.chosen(binding).map(|c| c.level).into_iter().collect();
                prop_assert_eq!(levels, expected);
            }
        }
    }
}

use super::*;
use crate::fixture::{
    add_group, add_pool, add_profile, add_subnet, group, ledger, name, namespaces, parse, pool,
    subnet,
};
use crate::{Catalog, Ledger, Reason, Refusal};

/// With profile `gold`, subnet `b`, and pool `web` in it.
fn ledger_with_all() -> Ledger {
    let mut ledger = ledger();
    add_profile(&mut ledger, "gold");
    add_subnet(&mut ledger, &subnet("b", "10.1.0.0/24", "10.1.0.1", &[]));
    add_pool(&mut ledger, &pool("web", &["10.1.0.10-10.1.0.19"]));
    add_pool(&mut ledger, &pool("nodes", &["10.1.0.20-10.1.0.29"]));
    ledger
}

fn refusal(catalog: &Catalog, spec: &GroupSpec) -> String {
    create_group(catalog, spec).unwrap_err().to_string()
}

#[test]
fn what_a_group_binds_is_there() {
    let ledger = ledger_with_all();
    let bound = |network: Option<&str>, pool: Option<&str>, profile: Option<&str>| GroupSpec {
        network: network.map(name),
        pool: pool.map(name),
        profile: profile.map(name),
        ..group("g", Scope::Cluster)
    };
    for (spec, start) in [
        (bound(None, None, None), "a group binds something"),
        (
            bound(Some("red"), None, None),
            "network `red` does not exist",
        ),
        (bound(None, Some("red"), None), "pool `red` does not exist"),
        (
            bound(None, None, Some("red")),
            "profile `red` does not exist",
        ),
        (
            bound(Some("blue"), Some("red"), None),
            "no subnet of network `blue` has a pool `red`",
        ),
        (
            bound(None, Some("nodes"), None),
            "pool `nodes` is for nodes and not for pods",
        ),
    ] {
        let message = refusal(ledger.catalog(), &spec);
        assert!(message.starts_with(start), "{message}");
    }
    let spec = bound(Some("blue"), Some("web"), Some("gold"));
    create_group(ledger.catalog(), &spec).unwrap();
}

#[test]
fn a_group_is_for_somebody_but_not_for_a_thousand_and_one_namespaces() {
    let ledger = ledger_with_all();
    let spec = |count: usize| {
        let namespaces = (0..count).map(|n| name(&format!("x{n}"))).collect();
        group("g", Scope::Namespaces { namespaces })
    };
    for count in [0, 1001] {
        assert_eq!(
            refusal(ledger.catalog(), &spec(count)),
            format!(
                "a group is for 1–1000 namespaces, and not {count}: name them, or make several \
                 groups"
            )
        );
    }
    create_group(ledger.catalog(), &spec(1000)).unwrap();
    let everyone = Scope::Pods {
        namespaces: namespaces(&["shop"]),
        pods: Selector::default(),
    };
    let message = refusal(ledger.catalog(), &group("g", everyone));
    assert!(
        message.contains("a selector that is not empty"),
        "{message}"
    );
}

#[test]
fn groups_that_nothing_tells_apart_are_refused() {
    let of = |names: &[&str]| Scope::Namespaces {
        namespaces: namespaces(names),
    };
    let pods = |names: &[&str], selector: &str| Scope::Pods {
        namespaces: namespaces(names),
        pods: parse(selector),
    };
    let nodes = |selector: &str| Scope::NodeClass {
        nodes: parse(selector),
    };
    let tied = [
        (Scope::Cluster, Scope::Cluster),
        (of(&["shop", "bank"]), of(&["mail", "bank"])),
        (pods(&["shop"], "app=web"), pods(&["shop"], "tier=front")),
        (nodes("zone=a"), nodes("!gpu")),
        (nodes(""), nodes("zone")),
    ];
    for (one, two) in tied {
        let mut ledger = ledger_with_all();
        add_group(&mut ledger, &group("one", one));
        let error = create_group(ledger.catalog(), &group("two", two.clone())).unwrap_err();
        assert_eq!(error.reason(), Reason::Ambiguous);
        assert_eq!(
            error.to_string(),
            format!(
                "group `two` and group `one` may be for the same pod, at level `{}` and with \
                 priority 0, and both bind its profile: give one of them a higher priority",
                two.level()
            )
        );
        let higher = GroupSpec {
            priority: 1,
            ..group("two", two.clone())
        };
        add_group(&mut ledger, &higher);
        // Nor can it come to that later.
        let seen = ledger.catalog().group(&name("two")).unwrap().revision;
        assert!(update_group(ledger.catalog(), &group("two", two), seen).is_err());
        ledger.catalog().check().unwrap();
    }
    let apart = [
        (Scope::Cluster, of(&["shop"])),
        (of(&["shop"]), of(&["bank"])),
        (pods(&["shop"], "app=web"), pods(&["bank"], "app=web")),
        (pods(&["shop"], "app=web"), pods(&["shop"], "app=db")),
        (nodes("gpu"), nodes("!gpu")),
    ];
    for (one, two) in apart {
        let mut ledger = ledger_with_all();
        add_group(&mut ledger, &group("one", one));
        add_group(&mut ledger, &group("two", two));
    }
}

#[test]
fn groups_that_bind_different_values_do_not_tie() {
    let mut ledger = ledger_with_all();
    add_group(&mut ledger, &group("one", Scope::Cluster));
    add_group(
        &mut ledger,
        &GroupSpec {
            network: Some(name("blue")),
            profile: None,
            ..group("two", Scope::Cluster)
        },
    );
}

#[test]
fn a_group_is_changed_at_its_revision_and_deleted_at_will() {
    let mut ledger = ledger_with_all();
    add_group(&mut ledger, &group("g", Scope::Cluster));
    let seen = ledger.catalog().group(&name("g")).unwrap().revision;
    let spec = GroupSpec {
        priority: 7,
        ..group("g", Scope::Cluster)
    };
    let planned = update_group(ledger.catalog(), &spec, seen).unwrap();
    ledger.apply(&planned.change);
    assert!(delete_group(ledger.catalog(), &name("g"), Some(seen)).is_err());
    let current = planned.object.revision;
    let again = update_group(ledger.catalog(), &spec, current).unwrap();
    assert!(again.change.is_empty());
    let change = delete_group(ledger.catalog(), &name("g"), Some(current)).unwrap();
    ledger.apply(&change);
    assert!(ledger.catalog().group(&name("g")).is_none());
}

//! What holds for every [`Switch`].

use std::collections::BTreeSet;

use trunkline_types::VlanId;

use super::server::Server;
use super::{BRIDGE, DEADLINE, add_bridge, bridge, ids, with_bridge};
use crate::action::NewPort;
use crate::fake::FakeSwitch;
use crate::row::FailMode;
use crate::switch::*;

const MARK: &str = "trunkline-attachment";

fn new_port(name: &str, ofport: u32) -> NewPort {
    NewPort {
        bridge: BRIDGE.to_owned(),
        name: name.to_owned(),
        tag: Some(VlanId::try_from(100).unwrap()),
        ofport_request: Some(ofport),
        external_ids: ids([(MARK, &format!("container/{name}"))]),
    }
}

fn remove_port(name: &str) -> Action {
    Action::RemovePort {
        bridge: BRIDGE.to_owned(),
        name: name.to_owned(),
    }
}

fn port_names(bridge: &Bridge) -> Vec<&str> {
    bridge.ports.iter().map(|port| port.name.as_str()).collect()
}

async fn a_bridge_is_made_with_its_internal_port(switch: &impl Switch) {
    assert_eq!(switch.bridge(BRIDGE).await.unwrap(), None);
    with_bridge(switch).await;
    let bridge = bridge(switch).await;
    assert_eq!(bridge.fail_mode, Some(FailMode::Secure));
    assert_eq!(
        bridge.external_ids,
        ids([("owner", "trunkline"), ("odd", r#"a"b\{c}é"#)])
    );
    assert_eq!(port_names(&bridge), [BRIDGE]);
    let internal = &bridge.ports[0];
    assert_eq!(internal.interfaces[0].kind, "internal");
    assert_eq!(internal.interfaces[0].ofport, Some(65534));
    assert_eq!(internal.tag, None);
}

async fn a_second_bridge_of_the_same_name_is_refused(switch: &impl Switch) {
    with_bridge(switch).await;
    let error = switch.apply(&[add_bridge(BRIDGE)]).await.unwrap_err();
    assert!(
        matches!(&error, SwitchError::BridgeExists { name } if name == BRIDGE),
        "{error:?}"
    );
    assert!(error.is_precondition_failed() && !error.is_retryable());
}

async fn a_bridge_named_as_a_port_is_refused(switch: &impl Switch) {
    with_bridge(switch).await;
    switch
        .apply(&[Action::AddPort(new_port("p1", 1))])
        .await
        .unwrap();
    let error = switch.apply(&[add_bridge("p1")]).await.unwrap_err();
    assert!(
        matches!(&error, SwitchError::PortExists { name } if name == "p1"),
        "{error:?}"
    );
}

async fn a_port_has_the_tag_number_and_marks_it_was_given(switch: &impl Switch) {
    with_bridge(switch).await;
    let trunk = NewPort {
        tag: None,
        ofport_request: None,
        ..new_port("uplink", 0)
    };
    let actions = [Action::AddPort(new_port("p1", 77)), Action::AddPort(trunk)];
    let applied = switch.apply(&actions).await.unwrap();
    switch.settled(applied, DEADLINE).await.unwrap();

    let bridge = bridge(switch).await;
    assert_eq!(port_names(&bridge), [BRIDGE, "p1", "uplink"]);
    let port = bridge.port("p1").unwrap();
    assert_eq!(port.tag, Some(100));
    assert_eq!(port.external_ids, ids([(MARK, "container/p1")]));
    let interface = &port.interfaces[0];
    assert_eq!(interface.external_ids, port.external_ids);
    assert_eq!((interface.ofport, &interface.error), (Some(77), &None));
    assert_eq!(interface.kind, "");
    let uplink = bridge.port("uplink").unwrap();
    assert_eq!(uplink.tag, None);
    assert!(uplink.interfaces[0].ofport.is_some());
}

async fn a_port_is_found_by_its_mark(switch: &impl Switch) {
    with_bridge(switch).await;
    let actions = ["p1", "p2"].map(|name| Action::AddPort(new_port(name, 0)));
    let actions = actions.map(|action| match action {
        Action::AddPort(port) => Action::AddPort(NewPort {
            ofport_request: None,
            ..port
        }),
        other => other,
    });
    switch.apply(&actions).await.unwrap();
    let found = switch.ports_of(BRIDGE, MARK, "container/p2").await.unwrap();
    assert_eq!(
        found
            .iter()
            .map(|port| port.name.as_str())
            .collect::<Vec<_>>(),
        ["p2"]
    );
    assert_eq!(found[0].interfaces.len(), 1);
    for (bridge, key, value) in [
        ("br-other", MARK, "container/p2"),
        (BRIDGE, "other-key", "container/p2"),
        (BRIDGE, MARK, "container/p"),
    ] {
        assert_eq!(switch.ports_of(bridge, key, value).await.unwrap(), []);
    }
}

async fn a_second_port_of_the_same_name_is_refused(switch: &impl Switch) {
    with_bridge(switch).await;
    switch
        .apply(&[add_bridge("br-u"), Action::AddPort(new_port("p1", 1))])
        .await
        .unwrap();
    let elsewhere = NewPort {
        bridge: "br-u".to_owned(),
        ..new_port("p1", 2)
    };
    for port in [new_port("p1", 2), elsewhere, new_port("br-u", 3)] {
        let name = port.name.clone();
        let error = switch.apply(&[Action::AddPort(port)]).await.unwrap_err();
        assert!(
            matches!(&error, SwitchError::PortExists { name: is } if *is == name),
            "{error:?}"
        );
        assert!(error.is_precondition_failed());
    }
}

async fn what_needs_a_bridge_is_refused_without_it(switch: &impl Switch) {
    let bridge = || BRIDGE.to_owned();
    for action in [
        Action::AddPort(new_port("p1", 1)),
        Action::SetFailMode {
            bridge: bridge(),
            fail_mode: FailMode::Standalone,
        },
        Action::SetBridgeIds {
            bridge: bridge(),
            set: ids([("a", "b")]),
            remove: [].into(),
        },
    ] {
        let error = switch.apply(&[action]).await.unwrap_err();
        assert!(
            matches!(&error, SwitchError::BridgeMissing { name } if name == BRIDGE),
            "{error:?}"
        );
        assert!(error.to_string().contains("`br-t`"), "{error}");
    }
}

async fn all_actions_happen_or_none(switch: &impl Switch) {
    with_bridge(switch).await;
    let before = bridge(switch).await;
    let generation = switch.apply(&[]).await.unwrap();
    let actions = [
        Action::AddPort(new_port("p1", 1)),
        Action::SetFailMode {
            bridge: BRIDGE.to_owned(),
            fail_mode: FailMode::Standalone,
        },
        Action::AddPort(new_port("p1", 2)),
    ];
    switch.apply(&actions).await.unwrap_err();
    assert_eq!(bridge(switch).await, before);
    assert_eq!(switch.apply(&[]).await.unwrap(), generation);
}

async fn a_removed_port_is_gone_and_removing_it_again_is_no_change(switch: &impl Switch) {
    with_bridge(switch).await;
    switch
        .apply(&[Action::AddPort(new_port("p1", 1))])
        .await
        .unwrap();
    let removed = switch.apply(&[remove_port("p1")]).await.unwrap();
    switch.settled(removed, DEADLINE).await.unwrap();
    assert_eq!(port_names(&bridge(switch).await), [BRIDGE]);
    assert_eq!(switch.apply(&[remove_port("p1")]).await.unwrap(), removed);
    let elsewhere = Action::RemovePort {
        bridge: "none".to_owned(),
        name: "p1".to_owned(),
    };
    assert_eq!(switch.apply(&[elsewhere]).await.unwrap(), removed);
}

async fn a_port_of_another_bridge_is_not_removed(switch: &impl Switch) {
    with_bridge(switch).await;
    switch
        .apply(&[add_bridge("br-u"), Action::AddPort(new_port("p1", 1))])
        .await
        .unwrap();
    let action = Action::RemovePort {
        bridge: "br-u".to_owned(),
        name: "p1".to_owned(),
    };
    switch.apply(&[action]).await.unwrap();
    assert!(bridge(switch).await.port("p1").is_some());
}

async fn a_port_is_replaced_in_one_transaction(switch: &impl Switch) {
    with_bridge(switch).await;
    switch
        .apply(&[Action::AddPort(new_port("p1", 1))])
        .await
        .unwrap();
    let renewed = NewPort {
        external_ids: ids([(MARK, "other")]),
        ..new_port("p1", 9)
    };
    let actions = [remove_port("p1"), Action::AddPort(renewed)];
    let applied = switch.apply(&actions).await.unwrap();
    switch.settled(applied, DEADLINE).await.unwrap();
    let bridge = bridge(switch).await;
    let port = bridge.port("p1").unwrap();
    assert_eq!(port.external_ids, ids([(MARK, "other")]));
}

async fn a_removed_bridge_takes_its_ports_along(switch: &impl Switch) {
    with_bridge(switch).await;
    switch
        .apply(&[Action::AddPort(new_port("p1", 1))])
        .await
        .unwrap();
    let remove = Action::RemoveBridge {
        name: BRIDGE.to_owned(),
    };
    let applied = switch.apply(std::slice::from_ref(&remove)).await.unwrap();
    assert_eq!(switch.bridge(BRIDGE).await.unwrap(), None);
    assert_eq!(
        switch.apply(std::slice::from_ref(&remove)).await.unwrap(),
        applied
    );
    // The names are free again, also for one that is removed and made at once.
    switch
        .apply(&[add_bridge(BRIDGE), Action::AddPort(new_port("p1", 1))])
        .await
        .unwrap();
    let actions = [
        remove,
        add_bridge(BRIDGE),
        Action::AddPort(new_port("p1", 1)),
    ];
    let applied = switch.apply(&actions).await.unwrap();
    switch.settled(applied, DEADLINE).await.unwrap();
    assert_eq!(port_names(&bridge(switch).await), [BRIDGE, "p1"]);
}

async fn external_ids_are_set_and_removed_and_others_left_alone(switch: &impl Switch) {
    with_bridge(switch).await;
    let action = Action::SetBridgeIds {
        bridge: BRIDGE.to_owned(),
        set: ids([("owner", "other"), ("new", "1")]),
        remove: BTreeSet::from(["odd".to_owned(), "never-there".to_owned()]),
    };
    switch.apply(&[action]).await.unwrap();
    assert_eq!(
        bridge(switch).await.external_ids,
        ids([("owner", "other"), ("new", "1")])
    );
}

async fn external_ids_are_read_without_the_bridge(switch: &impl Switch) {
    assert_eq!(switch.bridge_ids(BRIDGE).await.unwrap(), None);
    with_bridge(switch).await;
    let whole = bridge(switch).await;
    assert_eq!(
        switch.bridge_ids(BRIDGE).await.unwrap(),
        Some(whole.external_ids)
    );
}

async fn the_fail_mode_changes(switch: &impl Switch) {
    with_bridge(switch).await;
    let fail_mode = FailMode::Standalone;
    switch
        .apply(&[Action::SetFailMode {
            bridge: BRIDGE.to_owned(),
            fail_mode,
        }])
        .await
        .unwrap();
    assert_eq!(bridge(switch).await.fail_mode, Some(FailMode::Standalone));
}

async fn a_change_raises_the_generation_and_no_change_does_not(switch: &impl Switch) {
    let before = switch.apply(&[]).await.unwrap();
    let after = switch.apply(&[add_bridge(BRIDGE)]).await.unwrap();
    assert_eq!(after.generation, before.generation + 1);
    assert_eq!(switch.apply(&[]).await.unwrap(), after);
    switch.settled(after, DEADLINE).await.unwrap();
    switch.settled(before, DEADLINE).await.unwrap();
}

async fn a_generation_that_never_comes_is_waited_for_no_longer_than_told(switch: &impl Switch) {
    let never = Applied {
        generation: i64::from(u32::MAX),
    };
    let error = switch
        .settled(never, Duration::from_millis(50))
        .await
        .unwrap_err();
    assert!(matches!(error, SwitchError::Timeout { .. }), "{error:?}");
    assert!(error.is_retryable());
}

async fn many_at_once_lose_nothing(switch: &impl Switch) {
    with_bridge(switch).await;
    let attach = |number: u32| async move {
        let port = new_port(&format!("p{number}"), number);
        let applied = switch.apply(&[Action::AddPort(port)]).await.unwrap();
        switch.settled(applied, DEADLINE).await.unwrap();
    };
    let all = (1..=64).map(attach);
    futures_util::future::join_all(all).await;
    let wide = bridge(switch).await;
    assert_eq!(wide.ports.len(), 65);
    for number in 1..=64 {
        let port = wide.port(&format!("p{number}")).unwrap();
        assert_eq!(port.interfaces[0].ofport, Some(number));
    }
    let detach = (1..=64).map(|number| async move {
        switch
            .apply(&[remove_port(&format!("p{number}"))])
            .await
            .unwrap();
    });
    futures_util::future::join_all(detach).await;
    assert_eq!(port_names(&bridge(switch).await), [BRIDGE]);
}

/// Each claim as two tests: `fake::…` and `real::…`.
macro_rules! contract {
    ($($claim:ident),* $(,)?) => {
        mod fake {
            $(#[tokio::test] async fn $claim() { super::$claim(&super::FakeSwitch::new()).await; })*
        }
        mod real {
            $(#[tokio::test] async fn $claim() {
                let server = super::Server::start();
                super::$claim(&server.switch().await).await;
            })*
        }
    };
}

contract!(
    a_bridge_is_made_with_its_internal_port,
    a_bridge_named_as_a_port_is_refused,
    a_change_raises_the_generation_and_no_change_does_not,
    a_generation_that_never_comes_is_waited_for_no_longer_than_told,
    a_port_has_the_tag_number_and_marks_it_was_given,
    a_port_is_found_by_its_mark,
    a_port_is_replaced_in_one_transaction,
    a_port_of_another_bridge_is_not_removed,
    a_removed_bridge_takes_its_ports_along,
    a_removed_port_is_gone_and_removing_it_again_is_no_change,
    a_second_bridge_of_the_same_name_is_refused,
    a_second_port_of_the_same_name_is_refused,
    all_actions_happen_or_none,
    external_ids_are_read_without_the_bridge,
    external_ids_are_set_and_removed_and_others_left_alone,
    many_at_once_lose_nothing,
    the_fail_mode_changes,
    what_needs_a_bridge_is_refused_without_it,
);

use proptest::prelude::*;

use super::*;

fn wanted() -> Wanted {
    Wanted {
        attachment: "c1/eth0".parse().unwrap(),
        vlan: "100".parse().unwrap(),
        mtu: Mtu::ETHERNET,
        mac: "02:01:0a:01:00:0a".parse().unwrap(),
        ip: "10.1.0.10".parse().unwrap(),
        prefix: 24,
        gateway: "10.1.0.254".parse().unwrap(),
    }
}

/// Carries an action out on a description, as the adapters do on the real thing.
fn apply(wanted: &Wanted, seen: &mut Seen, action: &Action) {
    match action {
        Action::RemovePort(name) => seen.ports.retain(|port| port.name != *name),
        Action::DeleteLink => {
            seen.host = None;
            seen.pod = None;
        }
        Action::CreateLink => {
            assert!(
                seen.host.is_none() && seen.pod.is_none(),
                "the kernel would say EEXIST"
            );
            let alias = Some(owner::link_alias(&wanted.attachment));
            seen.host = Some(SeenHostLink { alias, up: false });
            seen.pod = Some(SeenPodLink {
                mac: Some(wanted.mac),
                mtu: wanted.mtu.into(),
                up: false,
                addresses: vec![],
                gateways: vec![],
            });
        }
        Action::AddPort => {
            assert!(seen.host.is_some(), "Open vSwitch would not find the link");
            seen.ports.push(SeenPort {
                name: owner::link_name(&wanted.attachment),
                tag: Some(wanted.vlan.into()),
                ip: Some(wanted.ip.to_string()),
            });
        }
        Action::RaiseHostLink => seen.host.as_mut().unwrap().up = true,
        Action::RaisePodLink => seen.pod.as_mut().unwrap().up = true,
        Action::AddAddress => {
            seen.pod
                .as_mut()
                .unwrap()
                .addresses
                .push((wanted.ip, wanted.prefix));
        }
        Action::AddDefaultRoute => {
            let pod = seen.pod.as_mut().unwrap();
            assert!(pod.up, "the kernel would say ENETDOWN");
            pod.gateways.push(wanted.gateway);
        }
    }
}

fn built() -> Seen {
    let mut seen = Seen::default();
    for action in plan(&wanted(), &seen.clone()).unwrap() {
        apply(&wanted(), &mut seen, &action);
    }
    seen
}

#[test]
fn from_nothing_everything_is_built_in_order() {
    let plan = plan(&wanted(), &Seen::default()).unwrap();
    let text: Vec<_> = plan.iter().map(ToString::to_string).collect();
    assert_eq!(
        text.join("; "),
        "create the veth pair; add the port to the bridge; bring the node's end up; \
         add the address; bring the pod's end up; add the default route"
    );
}

#[test]
fn nothing_is_planned_for_an_attachment_as_wanted() {
    assert_eq!(plan(&wanted(), &built()).unwrap(), []);
}

#[test]
fn a_wrong_vlan_tag_replaces_the_port_and_keeps_the_pair() {
    let mut seen = built();
    seen.ports[0].tag = Some(200);
    let name = owner::link_name(&wanted().attachment);
    assert_eq!(
        plan(&wanted(), &seen).unwrap(),
        [Action::RemovePort(name), Action::AddPort]
    );
}

#[test]
fn a_link_of_our_name_without_our_alias_is_left_alone() {
    let mut seen = built();
    seen.host.as_mut().unwrap().alias = Some("someone's".into());
    let error = plan(&wanted(), &seen).unwrap_err();
    assert!(error.to_string().contains("`someone's`"), "{error}");
}

#[test]
fn a_pair_that_was_cut_off_before_its_alias_is_ours_and_made_anew() {
    let mut seen = Seen {
        ports: vec![],
        ..built()
    };
    seen.host.as_mut().unwrap().alias = None;
    let plan = plan(&wanted(), &seen).unwrap();
    assert_eq!(plan[..2], [Action::DeleteLink, Action::CreateLink]);
}

#[test]
fn an_interface_in_the_pod_that_is_not_ours_is_left_alone() {
    let seen = Seen {
        host: None,
        ..built()
    };
    assert_eq!(
        plan(&wanted(), &seen).unwrap_err(),
        Conflict::PodLink("eth0".into())
    );
}

fn any_seen() -> impl Strategy<Value = Seen> {
    let pod = (
        any::<bool>(),
        prop_oneof![Just(1500u32), Just(9000)],
        any::<bool>(),
    )
        .prop_flat_map(|(right_mac, mtu, up)| {
            let wanted = wanted();
            let mac = if right_mac {
                wanted.mac
            } else {
                MacAddr::new([2; 6])
            };
            let addresses =
                prop_oneof![Just(vec![]), Just(vec![(wanted.ip, wanted.prefix)])].boxed();
            let gateways = prop_oneof![Just(vec![]), Just(vec![wanted.gateway])].boxed();
            (addresses, gateways).prop_map(move |(addresses, gateways)| SeenPodLink {
                mac: Some(mac),
                mtu,
                up,
                addresses,
                gateways,
            })
        });
    let port =
        (any::<bool>(), any::<bool>(), any::<bool>()).prop_map(|(name, vlan, ip)| SeenPort {
            name: if name {
                owner::link_name(&wanted().attachment)
            } else {
                "tlold".into()
            },
            tag: vlan.then_some(wanted().vlan.into()),
            ip: ip.then(|| wanted().ip.to_string()),
        });
    let pair = proptest::option::of((any::<bool>(), proptest::option::of(pod)));
    (pair, proptest::collection::vec(port, 0..2)).prop_map(|(pair, ports)| {
        let alias = Some(owner::link_alias(&wanted().attachment));
        let (host, pod) = match pair {
            Some((up, pod)) => (Some(SeenHostLink { alias, up }), pod),
            None => (None, None),
        };
        Seen { host, pod, ports }
    })
}

proptest! {
    #[test]
    fn a_plan_cut_off_anywhere_and_planned_again_gets_there(seen in any_seen(), cut in 0usize..10) {
        let wanted = wanted();
        let mut seen = seen;
        for action in plan(&wanted, &seen.clone()).unwrap().iter().take(cut) {
            apply(&wanted, &mut seen, action);
        }
        for action in plan(&wanted, &seen.clone()).unwrap() {
            apply(&wanted, &mut seen, &action);
        }
        prop_assert_eq!(plan(&wanted, &seen).unwrap(), []);
        prop_assert_eq!(seen.ports.len(), 1);
    }
}

//! `add`: how long CNI ADD and DEL take, beside the floor.
//!
//! The floor is a static executable, started once a call as a plugin is, that issues the netlink
//! calls and the OVSDB transaction any such plugin must, with no agent and no decision
//! (`tests/floor`). What we take beyond it is the price of netmaster and of being right.

use std::time::Duration;

use trunkline_outcome::{Goal, Line, Subject};

use crate::lab::{Lab, Pod, Topology, rack};
use crate::scenarios::Context;

/// Design §8: ADD and DEL within 1.3 times the floor.
const GOAL: Goal = Goal::AtMost(1.3);

/// Calls that are not measured: the first ones fill caches.
const WARM_UP: u32 = 2;

/// Milliseconds of ADD and of DEL.
struct Calls {
    add: f64,
    del: f64,
}

/// Measures `pairs` pairs of calls, ours and the floor's taking turns at going first.
pub fn measure(pairs: u32, context: &mut Context) -> anyhow::Result<Vec<Line>> {
    let lab = context.build(topology())?;
    lab.configure(&[
        "network create blue --vlan 100",
        "subnet create blue-r1 --network blue --cidr 10.1.0.0/24 --gateway 10.1.0.254 --rack r1",
    ])?;
    let mut adds = Vec::new();
    let mut dels = Vec::new();
    for number in 0..pairs + WARM_UP {
        let (ours, floor) = if number % 2 == 0 {
            let ours = call_ours(lab)?;
            (ours, call_floor(lab)?)
        } else {
            let floor = call_floor(lab)?;
            (call_ours(lab)?, floor)
        };
        if number >= WARM_UP {
            adds.push((ours.add, floor.add));
            dels.push((ours.del, floor.del));
        }
    }
    let subject = |case: &str| Subject {
        bench: "add",
        case: case.to_owned(),
        other_name: "floor",
        unit: "ms",
        goal: GOAL,
    };
    Ok(vec![
        Line::of_pairs(subject("ADD, one at a time"), &adds)?,
        Line::of_pairs(subject("DEL, one at a time"), &dels)?,
    ])
}

fn topology() -> Topology {
    let gateway = std::net::Ipv4Addr::new(10, 1, 0, 254).into();
    Topology::default().with(rack("r1").vlan(100, gateway, 24).node("node1"))
}

fn call_ours(lab: &Lab) -> anyhow::Result<Calls> {
    let pod = Pod::create("bench")?;
    let node = lab.node("node1");
    let add = node.cni("ADD", &pod, "blue")?;
    add.success()?;
    let del = node.cni("DEL", &pod, "blue")?;
    del.success()?;
    Ok(Calls {
        add: milliseconds(add.took()),
        del: milliseconds(del.took()),
    })
}

fn call_floor(lab: &Lab) -> anyhow::Result<Calls> {
    let pod = Pod::create("bench")?;
    let node = lab.node("node1");
    let call = |verb: &str| -> anyhow::Result<f64> {
        let finished = node
            .executable("cni-floor")?
            .args([verb, &pod.netns_path().to_string_lossy()])
            .args([node.dir().join("db.sock").to_string_lossy()])
            .run()?;
        anyhow::ensure!(finished.status.success(), "{finished}");
        Ok(milliseconds(finished.took))
    };
    Ok(Calls {
        add: call("ADD")?,
        del: call("DEL")?,
    })
}

fn milliseconds(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1000.0
}

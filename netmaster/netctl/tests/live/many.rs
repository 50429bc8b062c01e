//! More objects or lines than go into one transaction.

use std::process::Output;

use serde_json::{Value, json};
use tempfile::TempDir;
use trunkline_netmaster_api::{
    Network, NetworkSpec, Profile, Query, Reservation, Subnet, SubnetSpec,
};

use crate::netmaster::Netmaster;

fn runs(netmaster: &Netmaster, home: &TempDir, line: &str) -> (Option<i32>, String) {
    let output = netmaster.shell(line, home.path()).output().unwrap();
    let Output {
        status,
        stdout,
        stderr,
    } = output;
    let said = [stdout, stderr].concat();
    (status.code(), String::from_utf8(said).unwrap())
}

#[test]
fn more_than_one_change_holds_is_applied_in_parts() {
    let netmaster = Netmaster::start();
    let home = TempDir::new().unwrap();
    let objects = (0..4200).map(|n| json!({"kind": "profile", "name": format!("p{n}")}));
    let objects = Value::from_iter(objects).to_string();
    std::fs::write(home.path().join("all.json"), objects).unwrap();
    let runs = |line: &str| runs(&netmaster, &home, line);
    for line in [
        "netctl apply -f all.json",
        "netctl apply -f all.json --dry-run",
    ] {
        let (code, said) = runs(line);
        assert_eq!(code, Some(1), "{said}");
        for part in ["holds 4096 keys", "`netctl apply --in-parts`"] {
            assert!(said.contains(part), "{said}");
        }
    }
    let everything = Query::default();
    let count = || {
        let all = netmaster.client.list::<Profile>(&everything);
        netmaster.runtime.block_on(all).unwrap().items.len()
    };
    assert_eq!(count(), 0);
    // Whoever only looks is told what all of it would come to.
    let (code, said) = runs("netctl apply -f all.json --in-parts --dry-run");
    assert_eq!(code, Some(0), "{said}");
    assert!(said.ends_with("nothing was done: 4200 created\n"), "{said}");
    assert_eq!(count(), 0);
    let (code, said) = runs("netctl apply -f all.json --in-parts");
    assert_eq!(code, Some(0), "{said}");
    assert!(said.ends_with("\n4200 created\n"), "{said}");
    assert_eq!(count(), 4200);
    let (code, said) = runs("netctl apply -f all.json --in-parts");
    assert_eq!((code, said.as_str()), (Some(0), "4200 as they were\n"));
}

#[test]
fn an_import_that_ended_half_way_is_repeated() {
    let netmaster = Netmaster::start();
    let home = TempDir::new().unwrap();
    let network = NetworkSpec {
        name: "blue".parse().unwrap(),
        vlan: "100".parse().unwrap(),
        mtu: Default::default(),
        labels: Default::default(),
    };
    let subnet = json!({"name": "blue-any", "network": "blue", "cidr": "10.1.0.0/16",
                        "gateway": "10.1.0.1"});
    let subnet: SubnetSpec = serde_json::from_value(subnet).unwrap();
    let client = &netmaster.client;
    netmaster.runtime.block_on(async {
        client.create::<Network>(&network).await.unwrap();
        client.create::<Subnet>(&subnet).await.unwrap();
    });
    let lines = (0..300).map(|n| format!("10.1.{}.{},printer {n}\n", n / 200 + 1, n % 200));
    let lines: Vec<_> = lines.collect();
    let write = |name: &str, lines: &[String]| {
        let text = format!("ip,owner\n{}", lines.concat());
        std::fs::write(home.path().join(name), text).unwrap();
    };
    // What an import leaves that broke off after its first part.
    write("part.csv", &lines[..120]);
    write("all.csv", &lines);
    let (code, said) = runs(&netmaster, &home, "netctl import addresses part.csv");
    assert_eq!(code, Some(0), "{said}");
    let (code, said) = runs(&netmaster, &home, "netctl import addresses all.csv");
    assert_eq!(code, Some(0), "{said}");
    assert!(
        said.ends_with("\n180 created, 120 as they were\n"),
        "{said}"
    );
    let everything = Query::default();
    let all = client.list::<Reservation>(&everything);
    let all = netmaster.runtime.block_on(all).unwrap();
    assert_eq!(all.items.len(), 300);
}

//! Back-up and restore, by the executable's own commands.

use std::collections::{BTreeMap, BTreeSet};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use reqwest::Method;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::netmaster::{Netmaster, run};

/// How many addresses each rack has, 10.x.0.10 to 10.x.1.200.
const CAPACITY: usize = 447;

/// What is plugged in on the nodes, by node and attachment: as OVSDB has it.
type World = BTreeMap<&'static str, BTreeMap<String, String>>;

async fn back_up(netmaster: &Netmaster, file: &Path) {
    let arguments = ["backup", "--server", &netmaster.url, file.to_str().unwrap()];
    let output = run(&arguments).await;
    assert!(output.status.success(), "{output:?}");
}

async fn restore(file: &Path, directory: &Path, flags: &[&str]) -> std::process::Output {
    let (file, directory) = (file.to_str().unwrap(), directory.to_str().unwrap());
    run(&[&["restore", file, "--data-dir", directory], flags].concat()).await
}

/// Reports what a node holds; answers whether it is done, or others must report first.
async fn report(
    netmaster: &Netmaster,
    node: &str,
    rack: u32,
    held: &BTreeMap<String, String>,
) -> bool {
    let registration = netmaster.register(node, rack).await;
    let ovsdb: Vec<Value> = held
        .iter()
        .map(|(attachment, ip)| {
            let octets: Vec<u8> = ip.split('.').map(|octet| octet.parse().unwrap()).collect();
            let mac = octets
                .iter()
                .map(|octet| format!(":{octet:02x}"))
                .collect::<String>();
            json!({"attachment": attachment, "network": "blue", "mac": format!("02:01{mac}"),
                   "addresses": [ip],
                   "pod": {"namespace": "shop", "name": attachment.replace('/', "-")}})
        })
        .collect();
    let report = json!({
        "fence": registration["fence"], "epoch": registration["cluster"]["epoch"],
        "ovsdb": ovsdb, "runtime": null, "reserve": [],
    });
    let answer = netmaster
        .ask(Method::PUT, &format!("/v1/nodes/{node}/holdings"), &report)
        .await;
    assert!(
        answer.status.is_success() || answer.code() == "awaiting_reports",
        "{answer:?}"
    );
    answer.status.is_success()
}

#[tokio::test]
async fn two_hundred_adds_after_the_back_up_lead_to_no_duplicate() {
    let place = TempDir::new().unwrap();
    let file = place.path().join("backup");
    let before = Netmaster::with_blue(&place.path().join("before")).await;
    before.register("dead", 2).await;
    let mut world = World::new();
    let mut plug = |node: &'static str, attachment: String, ip: String| {
        world.entry(node).or_default().insert(attachment, ip);
    };
    for count in 0..60 {
        let node = ["n1", "n2", "dead"][count % 3];
        let attachment = format!("old{count}/eth0");
        let ip = before.added(node, &attachment).await;
        plug(node, attachment, ip);
    }
    back_up(&before, &file).await;

    // Some go, and their addresses go to others at once; some are of a node that is not in the
    // back-up, and some of one that will not come back.
    for count in 0..30 {
        before
            .delete(&format!("/v1/endpoints/old{count}/eth0"))
            .await;
        for held in world.values_mut() {
            held.remove(&format!("old{count}/eth0"));
        }
    }
    before.register("new", 1).await;
    for count in 0..200 {
        let node = ["n1", "n2", "new", "dead"][count % 4];
        let attachment = format!("new{count}/eth0");
        let ip = before.added(node, &attachment).await;
        world.entry(node).or_default().insert(attachment, ip);
    }
    before.stop().await;

    let after = place.path().join("after");
    let output = restore(&file, &after, &[]).await;
    assert!(output.status.success(), "{output:?}");
    let after = Netmaster::start(&after).await;
    let cluster = after.get("/v1/cluster").await.body;
    assert!(
        cluster["epoch"].as_u64().unwrap() > 1_700_000_000,
        "{cluster}"
    );
    assert_eq!(
        cluster["awaiting"].as_array().unwrap().len(),
        3,
        "{cluster}"
    );
    let early = after.add("n1", "early/eth0").await;
    assert_eq!(
        (early.status.as_u16(), early.code()),
        (503, "awaiting_reports")
    );

    // What is on the dead node nobody knows; it is switched off, so nobody uses it.
    world.remove("dead");
    let waived = after
        .send(after.request(Method::POST, "/v1/nodes/dead/waive"))
        .await;
    assert!(waived.status.is_success(), "{waived:?}");
    let racks = BTreeMap::from([("n1", 1), ("n2", 2), ("new", 1)]);
    let mut owing: Vec<_> = racks.keys().copied().collect();
    for _ in 0..5 {
        let mut still = Vec::new();
        for node in owing {
            if !report(&after, node, racks[node], &world[node]).await {
                still.push(node);
            }
        }
        owing = still;
    }
    assert!(owing.is_empty(), "{owing:?}");

    // The books have what is plugged in.
    for (node, held) in &world {
        for (attachment, ip) in held {
            let endpoint = after.get(&format!("/v1/endpoints/{attachment}")).await.body;
            assert_eq!(endpoint["node"], *node, "{attachment}: {endpoint}");
            assert_eq!(
                endpoint["addresses"][0]["ip"], *ip,
                "{attachment}: {endpoint}"
            );
        }
    }
    // And until nothing is left, nothing of it is given to anybody else.
    let mut used: BTreeSet<String> = world
        .values()
        .flat_map(|held| held.values().cloned())
        .collect();
    assert_eq!(used.len(), world.values().map(BTreeMap::len).sum::<usize>());
    for (node, rack) in racks {
        for count in 0.. {
            let attachment = format!("later{rack}{node}{count}/eth0");
            let answer = after.add(node, &attachment).await;
            if answer.code() == "subnet_full" {
                break;
            }
            assert!(answer.status.is_success(), "{answer:?}");
            let ip = answer.body["addresses"][0]["ip"].as_str().unwrap();
            assert!(used.insert(ip.to_owned()), "{ip} is there twice");
        }
    }
    // Nor is any of them lost: of rack r1, whose nodes all live, each is used once.
    let of_r1 = used.iter().filter(|ip| ip.starts_with("10.1.")).count();
    assert_eq!(of_r1, CAPACITY);
    after.stop().await;
}

#[tokio::test]
async fn a_back_up_is_for_its_owner_and_replaces_only_when_it_is_whole() {
    let place = TempDir::new().unwrap();
    let file = place.path().join("backup");
    std::fs::write(&file, "the one before").unwrap();
    let nobody = run(&[
        "backup",
        "--server",
        "http://127.0.0.1:1",
        file.to_str().unwrap(),
    ])
    .await;
    assert_eq!(nobody.status.code(), Some(1), "{nobody:?}");
    assert_eq!(std::fs::read_to_string(&file).unwrap(), "the one before");
    let netmaster = Netmaster::with_blue(&place.path().join("data")).await;
    back_up(&netmaster, &file).await;
    let mode = std::fs::metadata(&file).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let left = std::fs::read_dir(place.path()).unwrap().count();
    assert_eq!(left, 2, "nothing but the back-up and the data is left");
    netmaster.stop().await;
}

#[tokio::test]
async fn a_restore_leaves_a_store_alone_that_is_used_or_has_something_in_it() {
    let place = TempDir::new().unwrap();
    let (file, data) = (place.path().join("backup"), place.path().join("data"));
    let netmaster = Netmaster::with_blue(&data).await;
    back_up(&netmaster, &file).await;
    let used = restore(&file, &data, &["--force"]).await;
    let text = String::from_utf8(used.stderr).unwrap();
    assert_eq!(used.status.code(), Some(1));
    assert!(text.contains("in use by another netmaster"), "{text}");
    netmaster.stop().await;
    let full = restore(&file, &data, &[]).await;
    let text = String::from_utf8(full.stderr).unwrap();
    assert_eq!(full.status.code(), Some(1));
    assert!(
        text.contains("1 network(s)") && text.contains("--force"),
        "{text}"
    );
    let forced = restore(&file, &data, &["--force"]).await;
    assert!(forced.status.success(), "{forced:?}");
    let text = String::from_utf8(forced.stdout).unwrap();
    assert!(
        text.contains("epoch 1") && text.contains("2 node(s)"),
        "{text}"
    );
}

#[tokio::test]
async fn a_file_that_is_no_back_up_leaves_no_store_behind() {
    let place = TempDir::new().unwrap();
    let (file, data) = (place.path().join("backup"), place.path().join("data"));
    std::fs::write(&file, "hello\n").unwrap();
    let refused = restore(&file, &data, &[]).await;
    let text = String::from_utf8(refused.stderr).unwrap();
    assert_eq!(refused.status.code(), Some(1));
    assert!(text.contains("is no back-up of netmaster"), "{text}");
    assert!(!data.exists());
}

#[tokio::test]
async fn a_store_can_be_read_by_its_owner_only() {
    let place = TempDir::new().unwrap();
    let data = place.path().join("data");
    Netmaster::start(&data).await.stop().await;
    let store = std::fs::metadata(data.join("netmaster.redb")).unwrap();
    assert_eq!(store.permissions().mode() & 0o777, 0o600);
}

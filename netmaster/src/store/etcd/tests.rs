//! Against a real etcd. The suite that every store passes is in `conformance`.

mod certificates;
mod proxy;
mod served;
mod server;

use std::path::PathBuf;
use std::time::{Duration, Instant};

use etcd_client::{
    AlarmAction, AlarmOptions, AlarmType, CompactionOptions, Permission, PermissionType,
};
use tokio::runtime::Runtime;
use tokio::sync::watch;
use trunkline_ipam::{Catalog, Revision};

use super::{Etcd, EtcdConfig};
use crate::replica::{Cluster as _, Role, Term};
use crate::store::conformance::{Author, Subject, conforms, next};
use crate::store::{Capacity, Store, StoreError, WatchError, load_catalog};
use proxy::Proxy;
use server::{Server, config, free_address};

/// A leading replica.
struct Leader {
    server: Server,
    runtime: Runtime,
    term: Term,
    junk: i32,
}

impl Leader {
    fn on(server: Server) -> Self {
        let runtime = Runtime::new().unwrap();
        let term = lead(&runtime, server.config());
        Self {
            server,
            runtime,
            term,
            junk: 0,
        }
    }
}

/// Leads, in a store that nobody else leads.
fn lead(runtime: &Runtime, config: EtcdConfig) -> Term {
    runtime
        .block_on(async {
            Etcd::open(config)
                .await?
                .at("http://here")
                .lead_alone()
                .await
        })
        .unwrap()
}

impl Subject for Leader {
    fn store(&mut self) -> &mut dyn Store {
        self.term.store.as_mut()
    }

    fn compact(&mut self) {
        let mut client = self.server.client(&self.runtime);
        self.runtime.block_on(async {
            let now = client.get("any", None).await.unwrap();
            let now = now.header().unwrap().revision();
            let physical = CompactionOptions::new().with_physical();
            client.compact(now, Some(physical)).await.unwrap();
        });
    }

    fn fill(&mut self) -> bool {
        let mut client = self.server.client(&self.runtime);
        self.runtime.block_on(async {
            loop {
                self.junk += 1;
                let junk = client.put(format!("junk/{}", self.junk), vec![0; 500_000], None);
                if junk.await.is_err() {
                    break;
                }
                assert!(self.junk < 1_000, "it does not fill up");
            }
        });
        true
    }

    fn free(&mut self) {
        let mut client = self.server.client(&self.runtime);
        let all = etcd_client::DeleteOptions::new().with_prefix();
        self.runtime
            .block_on(client.delete("junk/", Some(all)))
            .unwrap();
        self.compact();
        self.runtime.block_on(async {
            client.defragment().await.unwrap();
            let alarms = client
                .alarm(AlarmAction::Get, AlarmType::Nospace, None)
                .await;
            for alarm in alarms.unwrap().alarms() {
                let mut of = AlarmOptions::new();
                of.with_member(alarm.member_id());
                let disarm = client.alarm(AlarmAction::Deactivate, AlarmType::Nospace, Some(of));
                disarm.await.unwrap();
            }
        });
    }
}

#[test]
fn a_store_in_etcd_conforms() {
    let mut leader = Leader::on(Server::start(&["--quota-backend-bytes", "16777216"]));
    let runtime = Runtime::new().unwrap();
    conforms(&mut leader, &runtime);
}

#[test]
fn a_prefix_of_ones_own_keeps_two_stores_apart() {
    let server = Server::start(&[]);
    let runtime = Runtime::new().unwrap();
    let mut one = lead(&runtime, server.config());
    let prefix = "/rooms/b".to_owned();
    let mut other = lead(
        &runtime,
        EtcdConfig {
            prefix,
            ..server.config()
        },
    );
    let mut author = Author::at(Catalog::default());
    author.network("blue", "100");
    let batch = author.batch();
    one.store.commit(&batch).unwrap();
    let elsewhere = load_catalog(&other.store.reader()).unwrap().0;
    assert_eq!(elsewhere, Catalog::default());
    other.store.commit(&batch).unwrap();
    assert_eq!(
        load_catalog(&other.store.reader()).unwrap().0,
        *author.ledger.catalog()
    );
}

#[test]
fn who_no_longer_has_the_leader_key_writes_nothing_and_answers_nothing() {
    let server = Server::start(&[]);
    let runtime = Runtime::new().unwrap();
    let mut old = lead(&runtime, server.config());
    let mut author = Author::at(Catalog::default());
    author.network("blue", "100");
    old.store.commit(&author.batch()).unwrap();
    runtime
        .block_on(server.client(&runtime).delete("/trunkline/leader", None))
        .unwrap();
    let mut new = lead(&runtime, server.config());
    assert_eq!(new.tip, Revision::new(1));
    author.network("green", "200");
    let batch = author.batch();
    for _ in 0..2 {
        let error = old.store.commit(&batch).unwrap_err();
        assert!(error.is_deposed(), "{error}");
        let error = old.store.check().unwrap_err();
        assert!(error.is_deposed(), "{error}");
        let error = old.store.resume().unwrap_err();
        assert!(error.is_deposed(), "{error}");
    }
    new.store.check().unwrap();
    new.store.commit(&batch).unwrap();
    // The old one finds out by itself as well.
    runtime.block_on(async {
        let mut lost = old.claim.watch();
        let lost = lost.wait_for(|lost| *lost);
        tokio::time::timeout(Duration::from_secs(10), lost)
            .await
            .unwrap()
            .unwrap();
    });
}

#[test]
fn a_commit_whose_reply_is_lost_is_found_at_another_member_and_made_once() {
    let server = Server::start(&[]);
    let proxy = Proxy::to(server.address);
    let runtime = Runtime::new().unwrap();
    let mut term = lead(&runtime, config(&[proxy.address, server.address]));
    let mut author = Author::at(Catalog::default());
    author.network("blue", "100");
    term.store.commit(&author.batch()).unwrap();
    proxy.lose_replies();
    author.network("green", "200");
    let position = term.store.commit(&author.batch()).unwrap();
    assert_eq!(position.revision(), Revision::new(2));
    let (catalog, _) = load_catalog(&term.store.reader()).unwrap();
    assert_eq!(catalog, *author.ledger.catalog());
    // It was made once: the revision's key has been written twice in all.
    let counter = runtime.block_on(server.client(&runtime).get("/trunkline/v1/revision", None));
    assert_eq!(counter.unwrap().kvs()[0].version(), 2);
    author.network("red", "300");
    term.store.commit(&author.batch()).unwrap();
}

#[test]
fn a_commit_whose_outcome_cannot_be_found_out_ends_the_term() {
    let server = Server::start(&[]);
    let proxy = Proxy::to(server.address);
    let runtime = Runtime::new().unwrap();
    let lease = Duration::from_secs(30);
    let mut term = lead(
        &runtime,
        EtcdConfig {
            lease,
            ..config(&[proxy.address])
        },
    );
    proxy.cut();
    let mut author = Author::at(Catalog::default());
    author.network("blue", "100");
    let error = term.store.commit(&author.batch()).unwrap_err();
    assert!(matches!(error, StoreError::Unreachable { .. }), "{error}");
    proxy.restore();
    let error = term.store.resume().unwrap_err();
    assert!(matches!(error, StoreError::Unsure), "{error}");
    runtime.block_on(term.claim.resign());
    let mut next = lead(&runtime, server.config());
    next.store.check().unwrap();
}

#[test]
fn a_watch_outlives_its_connection() {
    let server = Server::start(&[]);
    let proxy = Proxy::to(server.address);
    let runtime = Runtime::new().unwrap();
    let mut term = lead(&runtime, server.config());
    let follower = runtime
        .block_on(Etcd::open(config(&[proxy.address])))
        .unwrap();
    let (_, position) = load_catalog(&follower.reader()).unwrap();
    let mut watch = follower.reader().watch(position);
    let mut author = Author::at(Catalog::default());
    for (round, name) in ["blue", "green", "red"].into_iter().enumerate() {
        author.network(name, &(100 + round).to_string());
        term.store.commit(&author.batch()).unwrap();
        let batch = next(&runtime, &mut watch).unwrap();
        assert_eq!(batch.to.revision().number(), round as u64 + 1);
        proxy.cut();
        proxy.restore();
    }
}

#[test]
fn a_watch_on_which_nothing_comes_is_opened_at_another_member() {
    let server = Server::start(&[]);
    let proxy = Proxy::to(server.address);
    let runtime = Runtime::new().unwrap();
    let mut term = lead(&runtime, server.config());
    let endpoints = config(&[proxy.address, server.address]);
    let follower = runtime.block_on(Etcd::open(endpoints)).unwrap();
    let (_, position) = load_catalog(&follower.reader()).unwrap();
    let mut watch = follower.reader().watch(position);
    let mut author = Author::at(Catalog::default());
    author.network("blue", "100");
    term.store.commit(&author.batch()).unwrap();
    next(&runtime, &mut watch).unwrap();
    proxy.lose_replies();
    author.network("green", "200");
    term.store.commit(&author.batch()).unwrap();
    let batch = next(&runtime, &mut watch).unwrap();
    assert_eq!(batch.to.revision(), Revision::new(2));
}

#[test]
fn a_member_that_is_away_is_passed_over() {
    let server = Server::start(&[]);
    let runtime = Runtime::new().unwrap();
    let mut term = lead(&runtime, config(&[free_address(), server.address]));
    let mut author = Author::at(Catalog::default());
    author.network("blue", "100");
    term.store.commit(&author.batch()).unwrap();
}

#[test]
fn nobody_there_is_an_error_that_names_the_endpoints() {
    let runtime = Runtime::new().unwrap();
    let address = free_address();
    let config = EtcdConfig {
        start: Duration::from_secs(1),
        ..config(&[address])
    };
    let error = runtime.block_on(Etcd::open(config)).unwrap_err();
    assert!(
        error.to_string().contains(&format!("`{address}`")),
        "{error}"
    );
}

#[test]
fn another_replica_takes_over_at_once_when_the_leader_resigns() {
    let server = Server::start(&[]);
    let runtime = Runtime::new().unwrap();
    let lease = Duration::from_secs(60);
    let config = EtcdConfig {
        lease,
        ..server.config()
    };
    let leader = lead(&runtime, config.clone());
    runtime.block_on(async {
        let other = Etcd::open(config).await.unwrap().at("http://there");
        let refused = other.lead_alone().await.err().unwrap();
        assert!(refused.is_deposed(), "{refused}");
        let (telling, mut role) = watch::channel(Role::Leader);
        let campaign = tokio::spawn(async move { other.campaign(&telling).await });
        let here = Some("http://here".to_owned());
        let told = role.wait_for(|role| {
            *role
                == Role::Follower {
                    leader: here.clone(),
                }
        });
        tokio::time::timeout(Duration::from_secs(10), told)
            .await
            .unwrap()
            .unwrap();
        let resigned = Instant::now();
        leader.claim.resign().await;
        campaign.await.unwrap();
        assert!(resigned.elapsed() < lease / 2);
    });
}

#[test]
fn a_leader_that_is_cut_off_is_replaced_and_knows_it() {
    let server = Server::start(&[]);
    let proxy = Proxy::to(server.address);
    let runtime = Runtime::new().unwrap();
    let mut old = lead(&runtime, config(&[proxy.address]));
    proxy.cut();
    let cut = Instant::now();
    runtime.block_on(async {
        let other = Etcd::open(server.config())
            .await
            .unwrap()
            .at("http://there");
        let (telling, _) = watch::channel(Role::Leader);
        let new = other.campaign(&telling);
        let mut new = tokio::time::timeout(Duration::from_secs(20), new)
            .await
            .unwrap();
        println!("replaced after {} ms", cut.elapsed().as_millis());
        let mut lost = old.claim.watch();
        let lost = lost.wait_for(|lost| *lost);
        tokio::time::timeout(Duration::from_secs(10), lost)
            .await
            .unwrap()
            .unwrap();
        tokio::task::spawn_blocking(move || new.store.check().unwrap())
            .await
            .unwrap();
    });
    proxy.restore();
    let mut author = Author::at(Catalog::default());
    author.network("blue", "100");
    assert!(old.store.commit(&author.batch()).unwrap_err().is_deposed());
}

#[test]
fn more_than_a_page_is_loaded_whole() {
    let server = Server::start(&[]);
    let runtime = Runtime::new().unwrap();
    let mut term = lead(&runtime, server.config());
    let entry = |number: u32| {
        let name = format!("net{number:05}");
        let value = format!(r#"{{"version":1,"name":"{name}","vlan":1,"mtu":1500,"revision":1}}"#);
        Ok((format!("/trunkline/v1/networks/{name}"), value.into_bytes()))
    };
    let mut entries = (0..25_000).map(entry);
    term.store.replace(Revision::new(7), &mut entries).unwrap();
    let mut keys = Vec::new();
    let reader = term.store.reader();
    let position = reader
        .load(&mut |key, _| keys.push(key.to_owned()))
        .unwrap();
    assert_eq!(position.revision(), Revision::new(7));
    assert_eq!(keys.len(), 25_000);
    assert!(keys.is_sorted());
}

#[test]
fn a_newer_schema_and_the_data_of_others_are_refused() {
    let server = Server::start(&[]);
    let runtime = Runtime::new().unwrap();
    let mut client = server.client(&runtime);
    let mut refusal = |prefix: &str, key: &str, value: &str| {
        let key = format!("{prefix}{key}");
        runtime.block_on(client.put(key, value, None)).unwrap();
        let prefix = prefix.to_owned();
        let config = EtcdConfig {
            prefix,
            ..server.config()
        };
        runtime.block_on(Etcd::open(config)).unwrap_err()
    };
    let newer = refusal("/a", "/schema", r#"{"version":2}"#).to_string();
    assert!(newer.contains("schema version 2"), "{newer}");
    let foreign = refusal("/b", "/v1/networks/blue", "{}");
    assert!(matches!(foreign, StoreError::Foreign), "{foreign}");
}

#[test]
fn an_etcd_that_takes_too_little_at_once_is_told_at_the_start_and_when_it_writes() {
    let server = Server::start(&["--max-txn-ops=127"]);
    let runtime = Runtime::new().unwrap();
    let refused = runtime.block_on(Etcd::open(server.config())).unwrap_err();
    assert!(matches!(refused, StoreError::Narrow { .. }), "{refused}");
    let told = refused.to_string();
    assert!(told.contains("`--max-txn-ops=128`"), "{told}");
    // Another member may take more, and have been asked.
    let server = Server::start(&["--max-txn-ops=4"]);
    let mut term = runtime.block_on(async {
        let etcd = Etcd::at_members(server.config()).at("http://here");
        etcd.lead_alone().await.unwrap()
    });
    let mut author = Author::at(Catalog::default());
    for number in 1..=5 {
        author.network(&format!("net{number}"), &number.to_string());
    }
    let refused = term.store.commit(&author.batch()).unwrap_err();
    assert!(matches!(refused, StoreError::Narrow { .. }), "{refused}");
    // Nothing was done, and what is smaller is.
    assert_eq!(term.store.resume().unwrap().revision(), Revision::ZERO);
    let mut author = Author::at(Catalog::default());
    author.network("blue", "100");
    term.store.commit(&author.batch()).unwrap();
}

#[test]
fn an_etcd_that_takes_more_at_once_gets_no_more() {
    let server = Server::start(&["--max-txn-ops=1000"]);
    let runtime = Runtime::new().unwrap();
    let term = lead(&runtime, server.config());
    assert_eq!(term.store.capacity(), Capacity::COMMON);
}

#[test]
fn a_user_with_a_password_outlives_the_token() {
    let mut server = Server::start(&[]);
    let runtime = Runtime::new().unwrap();
    let mut client = server.client(&runtime);
    runtime.block_on(async {
        client.user_add("root", "secret", None).await.unwrap();
        client.user_grant_role("root", "root").await.unwrap();
        client.role_add("netmaster").await.unwrap();
        let all = Permission::new(PermissionType::Readwrite, "/trunkline/").with_prefix();
        client
            .role_grant_permission("netmaster", all)
            .await
            .unwrap();
        client
            .user_add("netmaster", "pass word", None)
            .await
            .unwrap();
        client
            .user_grant_role("netmaster", "netmaster")
            .await
            .unwrap();
        client.auth_enable().await.unwrap();
    });
    let password = server.data().join("password");
    std::fs::write(&password, "pass word\n").unwrap();
    let user = Some(("netmaster".to_owned(), password.clone()));
    let lease = Duration::from_secs(60);
    let config = EtcdConfig {
        user,
        lease,
        ..server.config()
    };
    let anonymous = runtime.block_on(Etcd::open(server.config())).unwrap_err();
    assert!(
        matches!(anonymous, StoreError::EtcdRefused { .. }),
        "{anonymous}"
    );

    let mut term = lead(&runtime, config.clone());
    let reader = term.store.reader();
    let mut author = Author::at(Catalog::default());
    author.network("blue", "100");
    let position = term.store.commit(&author.batch()).unwrap();
    let mut watch = reader.watch(position);
    server.restart();
    author.network("green", "200");
    term.store.commit(&author.batch()).unwrap();
    let batch = loop {
        // The watch is refused once, and then asked for with a new token.
        match next(&runtime, &mut watch) {
            Ok(batch) => break batch,
            Err(error) => assert!(matches!(error, WatchError::Store(_)), "{error}"),
        }
    };
    assert_eq!(batch.to.revision(), Revision::new(2));

    std::fs::write(&password, "wrong").unwrap();
    let wrong = runtime.block_on(Etcd::open(config)).unwrap_err();
    assert!(matches!(wrong, StoreError::EtcdRefused { .. }), "{wrong}");
    let shown = format!("{wrong:?} {term:?}", term = reader);
    assert!(!shown.contains("pass word"), "{shown}");
}

#[test]
fn etcd_is_reached_by_tls_and_only_if_each_trusts_the_other() {
    let directory = tempfile::tempdir().unwrap();
    certificates::make(directory.path());
    let file = |name: &str| directory.path().join(name);
    let [ca, certificate, key] = ["ca.pem", "member.pem", "member.key"].map(file);
    let text = |path: &PathBuf| path.to_str().unwrap().to_owned();
    let server = Server::start(&[
        "--client-cert-auth",
        &format!("--trusted-ca-file={}", text(&ca)),
        &format!("--cert-file={}", text(&certificate)),
        &format!("--key-file={}", text(&key)),
    ]);
    let runtime = Runtime::new().unwrap();
    let open = |ca: Option<&PathBuf>, identity| {
        let ca = ca.cloned();
        let config = EtcdConfig {
            ca,
            identity,
            ..server.config()
        };
        runtime.block_on(Etcd::open(config))
    };
    let identity = || Some((certificate.clone(), key.clone()));
    open(Some(&ca), identity()).unwrap();
    let other = tempfile::tempdir().unwrap();
    certificates::make(other.path());
    for (ca, identity) in [
        (None, None),
        (Some(ca.clone()), None),
        (Some(other.path().join("ca.pem")), identity()),
    ] {
        let refused = open(ca.as_ref(), identity).unwrap_err();
        assert!(
            matches!(refused, StoreError::Unreachable { .. }),
            "{refused}"
        );
    }
}

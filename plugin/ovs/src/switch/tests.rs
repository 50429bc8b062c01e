//! The contract of a [`Switch`], checked on the fake and on a real ovsdb-server with a real
//! ovs-vswitchd (whose datapath is OVS's own dummy, so that no kernel module is needed); and what
//! only the real one has: a socket, which breaks.

mod contract;
mod server;

use std::time::Instant;

use server::Server;

use super::*;
use crate::row::FailMode;

const DEADLINE: Duration = Duration::from_secs(10);
const BRIDGE: &str = "br-t";

type Ids = BTreeMap<String, String>;

fn ids<const N: usize>(pairs: [(&str, &str); N]) -> Ids {
    pairs
        .map(|(key, value)| (key.to_owned(), value.to_owned()))
        .into()
}

fn add_bridge(name: &str) -> Action {
    let external_ids = ids([("owner", "trunkline"), ("odd", r#"a"b\{c}é"#)]);
    Action::AddBridge {
        name: name.to_owned(),
        fail_mode: FailMode::Secure,
        external_ids,
    }
}

async fn bridge(switch: &impl Switch) -> Bridge {
    switch.bridge(BRIDGE).await.unwrap().unwrap()
}

/// A switch with the bridge, settled.
async fn with_bridge(switch: &impl Switch) {
    let applied = switch.apply(&[add_bridge(BRIDGE)]).await.unwrap();
    switch.settled(applied, DEADLINE).await.unwrap();
}

#[tokio::test]
async fn nobody_at_the_socket_is_said_so() {
    let folder = tempfile::tempdir().unwrap();
    let socket = folder.path().join("db.sock");
    let error = OvsdbSwitch::connect(&socket, DEADLINE).await.unwrap_err();
    assert!(error.is_retryable());
    let text = error.to_string();
    assert!(text.contains(&format!("`{}`", socket.display())), "{text}");
    assert!(text.ends_with("is ovsdb-server running?"), "{text}");
}

#[tokio::test]
async fn a_restarted_server_is_found_again_at_the_next_call() {
    let mut server = Server::start();
    let switch = server.switch().await;
    with_bridge(&switch).await;
    server.restart_database();
    assert!(switch.bridge(BRIDGE).await.unwrap().is_some());
}

#[tokio::test]
async fn a_server_that_never_answers_is_waited_for_no_longer_than_told() {
    let folder = tempfile::tempdir().unwrap();
    let socket = folder.path().join("db.sock");
    let _mute = std::os::unix::net::UnixListener::bind(&socket).unwrap();
    let switch = OvsdbSwitch::connect(&socket, Duration::from_millis(50))
        .await
        .unwrap();
    let start = Instant::now();
    let error = switch.bridge(BRIDGE).await.unwrap_err();
    assert!(matches!(error, SwitchError::Timeout { .. }), "{error:?}");
    assert!(start.elapsed() < Duration::from_secs(5));
    assert!(error.to_string().contains("ovsdb-server"), "{error}");
}

#[tokio::test]
async fn a_call_that_is_dropped_leaves_no_answer_to_the_next() {
    let server = Server::start();
    let switch = server.switch().await;
    with_bridge(&switch).await;
    let never = Applied {
        generation: i64::from(u32::MAX),
    };
    let dropped = timeout(
        Duration::from_millis(20),
        switch.settled(never, Duration::from_millis(40)),
    );
    dropped.await.unwrap_err();
    tokio::time::sleep(Duration::from_millis(60)).await;
    assert_eq!(bridge(&switch).await.name, BRIDGE);
}

//! Who says that an address is in use.

use trunkline_ipam::{ReleaseAddress, release_address};
use trunkline_types::Attachment;

use super::*;
use crate::orchestrator::{PodSeen, Pods};

/// Why an operator does not get the address of `attachment`, if that is so.
fn refusal(scene: &Scene, attachment: &Attachment) -> Option<String> {
    let informants = Informants {
        heard: scene.sweeper.heard.clone(),
        reports: scene.sweeper.reports.clone(),
        pods: Pods::of(scene.oracle.clone()),
    };
    let ip = scene.ip(attachment);
    let now = scene.sweeper.now();
    scene.read(|catalog| {
        let wish = ReleaseAddress {
            ip,
            reason: "its node is away".to_owned(),
            force: false,
            signs: informants.signs_of(catalog, ip),
        };
        let refused = release_address(catalog, &wish, &Policy::default(), now);
        refused.err().map(|error| error.to_string())
    })
}

#[tokio::test(start_paused = true)]
async fn an_address_is_not_taken_while_anybody_says_that_its_pod_lives() {
    let scene = Scene::new().await;
    let attachment = scene.add("web-0").await;
    let refused = refusal(&scene, &attachment).unwrap();
    assert!(refused.contains("the node was heard "), "{refused}");
    // The agent has been away for longer than a node's record lags behind.
    scene.pass(1_000).await;
    assert_eq!(refusal(&scene, &attachment), None);

    let pods = |seen| scene.oracle.pods.lock().unwrap().insert(pod("web-0"), seen);
    pods(there("u1", "n1"));
    let refused = refusal(&scene, &attachment).unwrap();
    assert!(
        refused.contains("(the orchestrator has the pod there)"),
        "{refused}"
    );
    // A namesake, or the same pod on another node, is not who has the address.
    for elsewhere in [there("u2", "n1"), there("u1", "n2"), PodSeen::Absent] {
        pods(elsewhere);
        assert_eq!(refusal(&scene, &attachment), None);
    }

    let report = |ovsdb: bool, runtime: bool| {
        let now = scene.sweeper.now();
        let holdings = Holdings {
            ovsdb: ovsdb.then(|| attachment.clone()).into_iter().collect(),
            runtime: Some(
                runtime
                    .then(|| attachment.container.clone())
                    .into_iter()
                    .collect(),
            ),
            ..Holdings::default()
        };
        scene.sweeper.reports.receive(parse("n1"), holdings, now);
    };
    for (ovsdb, runtime, said) in [
        (true, false, Some("(its switch had the interface 0 s ago)")),
        (false, true, Some("(its runtime had the container 0 s ago)")),
        (false, false, None),
    ] {
        report(ovsdb, runtime);
        let refused = refusal(&scene, &attachment);
        let as_said = match (&refused, said) {
            (Some(refused), Some(said)) => refused.contains(said),
            (refused, said) => refused.is_none() && said.is_none(),
        };
        assert!(as_said, "{refused:?} {said:?}");
    }

    scene.sweeper.heard.mark(&parse("n1"), scene.sweeper.now());
    let refused = refusal(&scene, &attachment).unwrap();
    assert!(
        refused.contains("(the node was heard 0 s ago)"),
        "{refused}"
    );
}

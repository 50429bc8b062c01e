//! `explain pod`: what netmaster is asked, and who is said to know what.

use serde_json::{Value, json};

use crate::canned::{serve, text};
use crate::netctl;

/// Explains a pod, of which netmaster says this beside a ladder; answers what it was asked and what
/// is printed.
fn explained(line: &str, more: Value) -> (Value, String) {
    let (asked, received) = std::sync::mpsc::channel();
    let url = serve(Box::new(move |request, body| {
        if request.starts_with("GET /v1/endpoints?") {
            return (200, text(&json!({"items": [], "revision": 7})));
        }
        assert_eq!(request, "POST /v1/explain");
        // The test may be over.
        let _ = asked.send(serde_json::from_str(body).unwrap());
        let rung = |why: &str| {
            json!({"level": "labels", "group": why.replace('_', "-"),
                                      "priority": 0, "matched": false, "why_not": why})
        };
        let ladder = ["labels", "labels_unknown", "node", "node_unknown"].map(rung);
        let mut answer = json!({"ladder": ladder, "revision": 7});
        for (key, value) in more.as_object().unwrap() {
            answer[key] = value.clone();
        }
        (200, text(&answer))
    }));
    let output = netctl(&url, line).output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    let printed = String::from_utf8(output.stdout).unwrap();
    (received.try_recv().unwrap(), printed)
}

/// The line that begins with `head`, without blanks between its words.
fn line<'a>(printed: &'a str, head: &str) -> Vec<&'a str> {
    let found = printed.lines().find(|line| line.starts_with(head));
    found.unwrap_or_default().split_whitespace().collect()
}

#[test]
fn it_is_said_who_knows_what_of_a_pod() {
    let reservation = |name: &str, network: &str| {
        json!({"name": name, "network": network, "addresses": [], "spare": 0, "created": 0,
               "holder": {"kind": "workload", "namespace": "shop", "name": "web"},
               "retention": "forever", "revision": 1})
    };
    let known = json!({"orchestrator": "there", "pod_labels": {"app": "web"},
                       "reservations": [reservation("web", "blue")]});
    let (asked, printed) = explained("explain pod shop/web-0", known);
    assert_eq!(
        asked,
        json!({"pod": {"namespace": "shop", "name": "web-0"}})
    );
    let said = |head: &str| line(&printed, head).join(" ");
    assert_eq!(said("pod:"), "pod: shop/web-0");
    assert_eq!(said("labels:"), "labels: app=web, by Kubernetes");
    assert_eq!(
        said("reservation:"),
        "reservation: web, for workload shop/web, but on network blue"
    );
    for (group, why) in [
        ("labels", "no: other labels"),
        ("labels-unknown", "no: labels not known"),
        ("node", "no: another node"),
        ("node-unknown", "no: node not known"),
    ] {
        let rung = printed.lines().find(|line| {
            let mut words = line.split_whitespace();
            words.next() == Some("labels") && words.next() == Some(group)
        });
        assert!(rung.unwrap().contains(why), "{group}: {printed}");
    }
}

#[test]
fn it_is_said_what_nobody_knows_of_a_pod() {
    for (more, pod) in [
        (json!({}), "pod: shop/typo, which has no endpoint"),
        (
            json!({"orchestrator": "absent"}),
            "pod: shop/typo, which Kubernetes does not have",
        ),
        (
            json!({"orchestrator": "unknown"}),
            "pod: shop/typo, of which Kubernetes says nothing at the moment",
        ),
    ] {
        let (_, printed) = explained("explain pod shop/typo", more);
        assert_eq!(line(&printed, "pod:").join(" "), pod);
        let labels = line(&printed, "labels:").join(" ");
        assert_eq!(labels, "labels: not known: give them with --labels");
    }
    let given = json!({"pod_labels": {"app": "web"}, "refusal": "it asks for `a b`"});
    let (asked, printed) = explained("explain pod shop/typo --labels app=web", given);
    assert_eq!(asked["pod_labels"], json!({"app": "web"}));
    assert_eq!(line(&printed, "labels:").join(" "), "labels: app=web");
    let refused = line(&printed, "gets nothing:").join(" ");
    assert_eq!(refused, "gets nothing: it asks for `a b`");
}

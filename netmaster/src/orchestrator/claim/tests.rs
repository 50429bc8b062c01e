use trunkline_ipam::Workload;

use super::*;
use crate::orchestrator::{Boxed, Nobody, NodeSeen, PodSeen};

struct Says(Place);

impl Orchestrator for Says {
    fn pod(&self, _: &Pod) -> PodSeen {
        PodSeen::Unknown
    }

    fn node(&self, _: &Name) -> NodeSeen {
        NodeSeen::Unknown
    }

    fn place<'a>(&'a self, _: &'a Pod, _: &'a Name, _: Option<&'a str>) -> Boxed<'a, Place> {
        Box::pin(std::future::ready(self.0.clone()))
    }

    fn deleted<'a>(&'a self, _: &'a Holder) -> Boxed<'a, Option<bool>> {
        Box::pin(std::future::ready(None))
    }
}

fn name(text: &str) -> Name {
    text.parse().unwrap()
}

fn web() -> Pod {
    Pod {
        namespace: "shop".to_owned(),
        name: "web-0".to_owned(),
    }
}

fn request() -> AllocateRequest {
    let attachment = "c1/eth0".parse().unwrap();
    AllocateRequest {
        pod: Some(web()),
        ..AllocateRequest::any(attachment, name("n1"), name("blue"))
    }
}

fn set(name: &str) -> Holder {
    Holder::StatefulSet(Workload {
        namespace: "shop".to_owned(),
        name: name.to_owned(),
    })
}

/// Those of a pod with id `u1` of StatefulSet `web`, which asks for pool `front`.
fn facts() -> Facts {
    let labels = [("app".parse().unwrap(), "web".parse().unwrap())];
    Facts {
        uid: Some("u1".to_owned()),
        ids: ["u1".to_owned()].into(),
        labels: labels.into_iter().collect(),
        workloads: vec![set("web")],
        asks: [(Facts::POOL.to_owned(), "front".to_owned())].into(),
    }
}

fn on(node: &str, facts: Facts) -> Says {
    Says(Place::On {
        node: node.to_owned(),
        facts: facts.into(),
    })
}

async fn claim(
    orchestrator: impl Orchestrator + 'static,
    request: &AllocateRequest,
) -> Result<Claim, WrongClaim> {
    Claims::by(Arc::new(orchestrator)).check(request).await
}

#[tokio::test]
async fn a_node_may_ask_for_the_pods_that_it_was_given_and_for_no_others() {
    let own = claim(on("n1", facts()), &request()).await;
    assert_eq!(own, Ok(Claim::Confirmed(facts().into())));
    let error = claim(on("n2", facts()), &request()).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "pod `shop/web-0` is on node `n2` and not on node `n1`, whose agent asks for it: see \
         `kubectl get pod -n shop web-0 -o wide`"
    );
    for place in [Place::Nowhere, Place::Waiting] {
        let error = claim(Says(place), &request()).await.unwrap_err();
        assert!(
            !error.is_retryable() && error.to_string().contains("node `n1`"),
            "{error}"
        );
    }
    let error = claim(Says(Place::Unknown), &request()).await.unwrap_err();
    assert!(error.is_retryable() && error.to_string().ends_with("repeat the request"));
}

#[tokio::test]
async fn an_agent_gets_nothing_for_no_pod_and_nothing_that_its_pod_does_not_ask_for() {
    let other = |change: fn(&mut AllocateRequest)| {
        let mut request = request();
        change(&mut request);
        request
    };
    for (spoiled, expected) in [
        (other(|r| r.pod = None), "for no pod"),
        (other(|r| r.pod_uid = Some("u0".to_owned())), "id `u0`"),
        (other(|r| r.workload = Some(set("db"))), "`shop/db`"),
        (other(|r| r.pool = Some(name("back"))), "pool `back`"),
        (other(|r| r.profile = Some(name("gold"))), "profile `gold`"),
        (other(|r| r.mac = "02:00:00:00:00:01".parse().ok()), "MAC"),
        (
            other(|r| r.addresses = vec!["10.1.0.9".parse().unwrap()]),
            "`10.1.0.9`",
        ),
    ] {
        let error = claim(on("n1", facts()), &spoiled).await.unwrap_err();
        assert!(error.to_string().contains(expected), "{error}");
        assert!(!error.is_retryable(), "{error}");
    }
    for fine in [
        other(|r| r.pod_uid = Some("u1".to_owned())),
        other(|r| r.workload = Some(set("web"))),
        other(|r| r.pool = Some(name("front"))),
        other(|r| r.network = Some(name("green"))),
    ] {
        let confirmed = claim(on("n1", facts()), &fine).await;
        assert!(confirmed.is_ok(), "{confirmed:?}");
    }
}

#[test]
fn what_decides_is_what_is_known_and_not_what_the_agent_says() {
    let lying = AllocateRequest {
        pod_labels: [("app".parse().unwrap(), "db".parse().unwrap())]
            .into_iter()
            .collect(),
        ..request()
    };
    let settled = Claim::Confirmed(facts().into()).settle(lying.clone());
    let settled = settled.unwrap();
    assert_eq!(settled.pod_labels, facts().labels);
    assert_eq!(settled.pod_uid.as_deref(), Some("u1"));
    assert_eq!(settled.workload, Some(set("web")));
    assert_eq!(settled.pool, Some(name("front")));
    assert_eq!(settled.network, Some(name("blue")));
    assert_eq!(Claim::Unasked.settle(lying.clone()), Ok(lying));
}

#[test]
fn a_pod_by_itself_is_of_no_stateful_set_whatever_its_name_is() {
    let alone = Facts {
        workloads: Vec::new(),
        ..facts()
    };
    let settled = Claim::Confirmed(alone.into()).settle(request()).unwrap();
    assert_eq!(settled.workload, Some(Holder::Pod(web())));
}

#[test]
fn what_a_pod_asks_for_is_read_from_its_annotations_or_refused() {
    let asks = |annotation: &str, text: &str| Facts {
        asks: [(annotation.to_owned(), text.to_owned())].into(),
        ..facts()
    };
    let settle = |facts: Facts| Claim::Confirmed(facts.into()).settle(request());
    let asked = settle(asks(Facts::ADDRESSES, "fd00::7, 10.1.0.7")).unwrap();
    let known: [IpAddr; 2] = ["10.1.0.7", "fd00::7"].map(|ip| ip.parse().unwrap());
    assert_eq!(asked.addresses, known);
    let asked = settle(asks(Facts::NETWORK, "green")).unwrap();
    assert_eq!(asked.network, Some(name("green")));
    for annotation in Facts::ASKS {
        let error = settle(asks(annotation, "no such\n")).unwrap_err();
        assert!(error.to_string().contains(annotation), "{error}");
        assert!(!error.to_string().contains('\n'), "{error}");
    }
}

#[tokio::test]
async fn without_an_orchestrator_agents_are_trusted() {
    let request = AllocateRequest {
        pod: None,
        ..request()
    };
    assert_eq!(claim(Nobody, &request).await, Ok(Claim::Unasked));
}

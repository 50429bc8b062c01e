//! Requests to nodes: an operator on one side, an agent on the other.

use std::time::Duration;

use reqwest::{Method, Response};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::time::timeout;

use crate::netmaster::Netmaster;

const SOON: Duration = Duration::from_secs(30);

/// Lines as they come.
struct Lines {
    response: Response,
    buffer: Vec<u8>,
}

impl Lines {
    async fn next(&mut self) -> Option<Value> {
        loop {
            if let Some(end) = self.buffer.iter().position(|byte| *byte == b'\n') {
                let line: Vec<u8> = self.buffer.drain(..=end).collect();
                return Some(serde_json::from_slice(&line).unwrap());
            }
            let chunk = timeout(SOON, self.response.chunk()).await.unwrap();
            self.buffer.extend_from_slice(&chunk.ok().flatten()?);
        }
    }
}

async fn lines(netmaster: &Netmaster, method: Method, path: &str, body: Option<Value>) -> Lines {
    let mut request = netmaster.request(method, path);
    if let Some(body) = body {
        request = request.json(&body);
    }
    let response = request.send().await.unwrap();
    assert_eq!(response.status(), 200, "{path}");
    assert_eq!(response.headers()["content-type"], "application/x-ndjson");
    Lines {
        response,
        buffer: Vec::new(),
    }
}

const PATH: &str = "/v1/nodes/n1/requests";

#[tokio::test]
async fn a_request_goes_to_the_agent_and_its_answer_comes_back() {
    let place = TempDir::new().unwrap();
    let netmaster = Netmaster::with_blue(place.path()).await;
    let mut agent = lines(&netmaster, Method::GET, &format!("{PATH}?watch"), None).await;
    let probe = json!({"kind": "probe", "network": "blue", "ip": "10.1.0.7"});
    let mut answer = lines(&netmaster, Method::POST, PATH, Some(probe)).await;
    let request = agent.next().await.unwrap();
    assert_eq!(request["type"], "request");
    assert_eq!(request["spec"]["ip"], "10.1.0.7");
    assert_eq!(request["spec"]["deadline_seconds"], 30);
    let id = request["id"].as_str().unwrap();
    let item = json!({"type": "item", "item": {"answered_by": null}});
    let end = json!({"type": "end"});
    let sent = netmaster.request(Method::POST, &format!("{PATH}/{id}/answer"));
    let sent = netmaster.send(sent.body(format!("{item}\n{end}\n"))).await;
    assert_eq!(sent.status, 204, "{sent:?}");
    assert_eq!(answer.next().await, Some(item));
    assert_eq!(answer.next().await, Some(end));
    assert_eq!(answer.next().await, None);
    let metrics = netmaster.get("/metrics").await.text;
    let counted = r#"netmaster_node_requests_total{kind="probe",outcome="answered"} 1"#;
    assert!(metrics.contains(counted), "{metrics}");
    netmaster.stop().await;
}

#[tokio::test]
async fn a_caller_that_hangs_up_cancels() {
    let place = TempDir::new().unwrap();
    let netmaster = Netmaster::with_blue(place.path()).await;
    let mut agent = lines(&netmaster, Method::GET, &format!("{PATH}?watch"), None).await;
    let status = json!({"kind": "status", "deadline_seconds": 300});
    let answer = lines(&netmaster, Method::POST, PATH, Some(status)).await;
    let id = agent.next().await.unwrap()["id"].clone();
    drop(answer);
    let mut next = agent.next().await.unwrap();
    if next["type"] == "bookmark" {
        next = agent.next().await.unwrap();
    }
    assert_eq!(next, json!({"type": "cancel", "id": id}));
    netmaster.stop().await;
}

#[tokio::test]
async fn a_request_that_makes_no_sense_is_refused_before_it_is_relayed() {
    let place = TempDir::new().unwrap();
    let netmaster = Netmaster::with_blue(place.path()).await;
    let unknown = netmaster
        .ask(
            Method::POST,
            "/v1/nodes/n9/requests",
            &json!({"kind": "status"}),
        )
        .await;
    assert_eq!(
        (unknown.status.as_u16(), unknown.code()),
        (404, "node_not_found")
    );
    let odd = netmaster
        .ask(Method::POST, PATH, &json!({"kind": "reboot"}))
        .await;
    assert_eq!((odd.status.as_u16(), odd.code()), (422, "invalid_field"));
    assert!(odd.text.contains("`reboot`"), "{odd:?}");
    let answer = format!("{PATH}/6a0f3bb4-7a3f-4d44-8c3c-0d5f3d1c9a11/answer");
    let gone = netmaster
        .send(netmaster.request(Method::POST, &answer))
        .await;
    assert_eq!(
        (gone.status.as_u16(), gone.code()),
        (404, "request_not_found")
    );
    netmaster.stop().await;
}

#[tokio::test]
async fn streams_to_agents_do_not_hold_up_a_shut_down() {
    let place = TempDir::new().unwrap();
    let netmaster = Netmaster::with_blue(place.path()).await;
    let mut agent = lines(&netmaster, Method::GET, &format!("{PATH}?watch"), None).await;
    let stopping = tokio::spawn(netmaster.stop());
    assert_eq!(agent.next().await, None);
    timeout(SOON, stopping).await.unwrap().unwrap();
}

//! What agents do while an operator looks on.

use reqwest::Method;
use serde_json::{Value, json};
use trunkline_netmaster_api::{Credentials, EndpointSpec, HoldingsReport, Node, NodeSpec};
use trunkline_types::{Labels, Name, Pod};

use crate::netmaster::Netmaster;

/// Does what a line says: `register node1 r1 [label=value]`, `add node1 4f5e1c/eth0 shop/web-0
/// [label=value]`, `delete 4f5e1c/eth0`, `conflict 10.1.0.7 02:00:00:00:00:07 node1`, `report node1`,
/// which says that nothing is on the node, or `answer node1`, which answers all requests to it from
/// then on.
pub(crate) fn act(netmaster: &Netmaster, line: &str) {
    let words: Vec<_> = line.split_whitespace().collect();
    let client = &netmaster.client;
    let done = async {
        match words.as_slice() {
            ["register", node, rack, labels @ ..] => {
                let spec = NodeSpec {
                    rack: rack.parse().unwrap(),
                    labels: read(labels),
                    boot_id: None,
                    agent_version: Some("0.1.0".to_owned()),
                };
                let node: Name = node.parse().unwrap();
                client.register_node(&node, &spec).await.map(drop)
            }
            ["add", node, attachment, pod, labels @ ..] => {
                let (namespace, name) = pod.split_once('/').unwrap();
                let spec = EndpointSpec {
                    pod: Some(Pod {
                        namespace: namespace.to_owned(),
                        name: name.to_owned(),
                    }),
                    pod_labels: read(labels),
                    ..EndpointSpec::new(attachment.parse().unwrap(), node.parse().unwrap())
                };
                client.allocate(&spec).await.map(drop)
            }
            ["delete", attachment] => client.release(&attachment.parse().unwrap()).await,
            ["conflict", ip, mac, node] => {
                let (ip, mac) = (ip.parse().unwrap(), mac.parse().unwrap());
                client
                    .report_conflict(ip, mac, &node.parse().unwrap())
                    .await
            }
            ["report", node] => {
                let node: Name = node.parse().unwrap();
                let report = HoldingsReport {
                    fence: client.get::<Node>(&node).await.unwrap().fence,
                    epoch: client.cluster().await.unwrap().epoch,
                    ovsdb: Vec::new(),
                    runtime: Some(Vec::new()),
                    reserve: Vec::new(),
                };
                client.report_holdings(&node, &report).await
            }
            ["answer", node] => {
                let watching = Agent::of(netmaster, node).await;
                tokio::spawn(watching.answer_all());
                Ok(())
            }
            _ => panic!("no agent does `{line}`"),
        }
    };
    netmaster.runtime.block_on(done).unwrap();
}

fn read(labels: &[&str]) -> Labels {
    let labels = labels.iter().map(|label| {
        let (key, value) = label.split_once('=').unwrap();
        (key.parse().unwrap(), value.parse().unwrap())
    });
    labels.collect()
}

/// An agent that is asked things.
pub(crate) struct Agent {
    http: reqwest::Client,
    url: String,
    asked: reqwest::Response,
    pending: Vec<u8>,
}

impl Agent {
    /// Its watch is open when this is done.
    pub(crate) async fn of(netmaster: &Netmaster, node: &str) -> Self {
        let http = reqwest::Client::builder()
            .no_proxy()
            .tls_backend_preconfigured(Credentials::default().tls().unwrap())
            .build()
            .unwrap();
        let url = format!("{}/v1/nodes/{node}/requests", netmaster.url);
        let asked = http.get(format!("{url}?watch")).send().await.unwrap();
        assert!(asked.status().is_success(), "{asked:?}");
        Self {
            http,
            url,
            asked,
            pending: Vec::new(),
        }
    }

    /// What comes next that is no bookmark; none when netmaster ends.
    pub(crate) async fn next(&mut self) -> Option<Value> {
        loop {
            if let Some(end) = self.pending.iter().position(|byte| *byte == b'\n') {
                let line: Vec<u8> = self.pending.drain(..=end).collect();
                let line: Value = serde_json::from_slice(&line).unwrap();
                if line["type"] != "bookmark" {
                    return Some(line);
                }
                continue;
            }
            let chunk = self.asked.chunk().await.ok().flatten()?;
            self.pending.extend_from_slice(&chunk);
        }
    }

    async fn answer_all(mut self) {
        while let Some(request) = self.next().await {
            if request["type"] == "request" {
                let id = request["id"].as_str().unwrap();
                let kind = request["spec"]["kind"].as_str().unwrap();
                self.answer(id, &known(kind)).await;
            }
        }
    }

    pub(crate) async fn answer(&self, id: &str, lines: &[Value]) {
        let body: String = lines.iter().map(|line| format!("{line}\n")).collect();
        let url = format!("{}/{id}/answer", self.url);
        let sent = self.http.request(Method::POST, url).body(body).send();
        assert_eq!(sent.await.unwrap().status(), 204);
    }
}

/// What the agent of a healthy node may say.
fn known(kind: &str) -> Vec<Value> {
    let items = match kind {
        "status" => vec![
            json!({"agent": "0.1.0", "bridge": "br-trunk", "uplink": "eth1 up",
                                "ports": 2, "in_step": true}),
        ],
        "plan" => vec![json!("nothing to do")],
        "explain" => vec![json!(
            "port veth4f5e1c: tag 100 of network blue, as endpoint \
                                 4f5e1c/eth0 has it"
        )],
        "trace" => vec![
            json!("in   port veth4f5e1c, tagged 100"),
            json!("out  uplink eth1, VLAN 100"),
        ],
        "probe" => vec![json!({"answered_by": "02:00:00:00:00:07"})],
        "capture" => {
            let bytes = json!({"type": "bytes", "base64": "CgANDRwAAABNPCsaAQAAAA=="});
            return vec![bytes, json!({"type": "end"})];
        }
        other => panic!("an agent is asked for `{other}`"),
    };
    let items = items.into_iter();
    let items = items.map(|item| json!({"type": "item", "item": item}));
    items.chain([json!({"type": "end"})]).collect()
}

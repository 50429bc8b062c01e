//! Every operation, asked by everybody: what `docs/roles.md` says is what happens.

use std::collections::BTreeSet;
use std::path::Path;

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use trunkline_netmaster::Limits;

use crate::netmaster::{Caller, Netmaster};

/// A row of the page.
struct Row {
    method: Method,
    path: String,
    /// `admin`, `operator`, `viewer`, `node`, `cluster`, `replica`, `scoped`.
    cells: Vec<String>,
}

fn page() -> Vec<Row> {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/roles.md");
    let page = std::fs::read_to_string(page).unwrap();
    let rows = page.lines().filter(|line| line.starts_with("| `"));
    rows.map(|row| {
        let mut cells = row
            .trim_matches('|')
            .split('|')
            .map(|cell| cell.trim().to_owned());
        let operation = cells.next().unwrap();
        let (method, path) = operation.trim_matches('`').split_once(' ').unwrap();
        Row {
            method: method.parse().unwrap(),
            path: path.to_owned(),
            cells: cells.collect(),
        }
    })
    .collect()
}

/// A path of the page with names in it: those of what is not there, but for the node `n1`.
fn url(path: &str, node: &str) -> String {
    let path = match path.strip_prefix("/v1/nodes/{name}") {
        Some(rest) => format!("/v1/nodes/{node}{rest}"),
        None => path.to_owned(),
    };
    let path = path
        .replace("{ip}", "192.0.2.1")
        .replace("{revision}", "1")
        .replace("{container}", "c404")
        .replace("{ifname}", "eth0")
        .replace("{id}", "00000000-0000-4000-8000-000000000000")
        .replace("{subnet}", "none")
        .replace("{name}", "none");
    match path.as_str() {
        "/v1/endpoints" => format!("{path}?fieldSelector=node={node}"),
        _ => path,
    }
}

/// Something that can be read, and is about `n1`; or else what the operation makes of `{}` comes
/// before anything else that it could be refused for.
fn body(row: &Row) -> Option<Value> {
    let sent = matches!(row.method, Method::POST | Method::PUT | Method::PATCH);
    sent.then(|| match row.path.as_str() {
        "/v1/endpoints" => json!({"attachment": "c404/eth0", "node": "n1", "network": "none"}),
        "/v1/addresses/{ip}/conflict" => json!({"mac": "02:00:00:00:00:01", "node": "n1"}),
        _ => json!({}),
    })
}

async fn status(caller: &Caller, row: &Row, node: &str) -> StatusCode {
    // What streams is not waited for.
    sent(caller, row, node).await.status()
}

async fn sent(caller: &Caller, row: &Row, node: &str) -> reqwest::Response {
    // Its certificate would be void, and it is asked for other things as well.
    let node = if row.method == Method::DELETE {
        "n404"
    } else {
        node
    };
    // The selector is for the list only.
    let path = match row.method {
        Method::GET => url(&row.path, node),
        _ => url(&row.path, node).split('?').next().unwrap().to_owned(),
    };
    let request = caller.request(row.method.clone(), &path);
    let request = match body(row) {
        Some(body) => request.json(&body),
        None => request,
    };
    request.send().await.unwrap()
}

#[tokio::test]
async fn each_role_may_what_the_page_says_and_no_more() {
    let limits = Limits {
        rate: 1_000_000,
        ..Limits::default()
    };
    let netmaster = Netmaster::with_blue(limits).await;
    let names = [
        "admin:root",
        "operator:olga",
        "viewer:vera",
        "node:n1",
        "cluster:orchestrator",
        "replica:m2",
    ];
    let callers = names.map(|name| netmaster.caller(name));
    let nobody = netmaster.nobody();
    for row in page() {
        let what = format!("{} {}", row.method, row.path);
        assert_eq!(row.cells.len(), callers.len() + 1, "{what}");
        let open = row.cells.iter().all(|cell| cell == "open");
        let answered = status(&nobody, &row, "n1").await;
        assert_eq!(
            answered == StatusCode::UNAUTHORIZED,
            !open,
            "{what}: {answered}"
        );
        for ((name, caller), cell) in names.iter().zip(&callers).zip(&row.cells).rev() {
            let answered = status(caller, &row, "n1").await;
            let what = format!("{what} of {name}: {answered}");
            match cell.as_str() {
                "yes" | "own" | "open" => {
                    let refused = [StatusCode::UNAUTHORIZED, StatusCode::FORBIDDEN];
                    assert!(!refused.contains(&answered), "{what}");
                }
                "-" => assert_eq!(answered, StatusCode::FORBIDDEN, "{what}"),
                other => panic!("{what}: {other}"),
            }
            if cell == "own" && row.path.starts_with("/v1/nodes/") {
                let other = status(caller, &row, "n2").await;
                assert_eq!(other, StatusCode::FORBIDDEN, "{what}");
            }
        }
    }
    netmaster.still_serves().await;
}

#[tokio::test]
async fn a_scoped_token_may_what_the_page_says_and_no_more() {
    let limits = Limits {
        rate: 1_000_000,
        ..Limits::default()
    };
    let netmaster = Netmaster::with_blue(limits).await;
    let spec = json!({"name": "blue-ci", "role": "admin", "networks": ["blue"]});
    let caller = netmaster.bearer(spec).await;
    let mut may = 0;
    for row in page() {
        let answered = sent(&caller, &row, "n1").await;
        let status = answered.status();
        let what = format!("{} {}: {status}", row.method, row.path);
        let cell = row.cells.last().unwrap();
        // What it may do at all is refused to it only because of what that is about.
        let is_refused = status == StatusCode::FORBIDDEN && {
            let why = answered.text().await.unwrap();
            why.contains("this is not about one network")
        };
        match cell.as_str() {
            "-" => assert_eq!(status, StatusCode::FORBIDDEN, "{what}"),
            "yes" | "open" => {
                assert!(!is_refused && status != StatusCode::UNAUTHORIZED, "{what}");
                may += usize::from(cell == "yes");
            }
            other => panic!("{what}: {other}"),
        }
    }
    assert!(may > 25, "{may}");
}

#[tokio::test]
async fn the_page_has_every_operation_of_the_document_and_no_other() {
    let netmaster = Netmaster::start().await;
    let document = netmaster.nobody().get("/openapi.json").await.body;
    let mut documented = BTreeSet::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for method in item.as_object().unwrap().keys() {
            documented.insert(format!("{} {path}", method.to_uppercase()));
        }
    }
    let rows = page();
    let said: BTreeSet<_> = rows
        .iter()
        .map(|row| format!("{} {}", row.method, row.path))
        .collect();
    assert_eq!(said.len(), rows.len(), "an operation is there twice");
    assert_eq!(said, documented);
    assert!(said.len() > 50, "{}", said.len());
}

#[tokio::test]
async fn what_is_no_operation_is_no_way_around() {
    let netmaster = Netmaster::with_blue(Limits::default()).await;
    let viewer = netmaster.caller("viewer:vera");
    for (method, path, expected) in [
        (Method::PUT, "/v1/networks", 405),
        (Method::HEAD, "/v1/backup", 403),
        (Method::DELETE, "/v1/networks/blue/", 404),
        (Method::DELETE, "//v1/networks/blue", 404),
        (Method::DELETE, "/V1/networks/blue", 404),
        (Method::DELETE, "/v1/%6eetworks/blue", 404),
        (Method::DELETE, "/v1/networks/%62lue", 403),
    ] {
        let request = viewer.request(method.clone(), path);
        let request = request.header("x-http-method-override", "DELETE");
        let answered = request.send().await.unwrap().status();
        assert_eq!(answered.as_u16(), expected, "{method} {path}");
    }
    assert_eq!(viewer.get("/v1/networks/blue").await.status, 200);
}

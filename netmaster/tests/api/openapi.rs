//! The API's document: committed, and true.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use reqwest::{Method, StatusCode};
use serde_json::Value;
use trunkline_netmaster_api::ErrorCode;

use crate::netmaster::Netmaster;

async fn document(netmaster: &Netmaster) -> (String, Value) {
    let url = format!("{}/openapi.json", netmaster.url);
    let answer = netmaster.http.get(url).send().await.unwrap();
    assert_eq!(answer.status(), StatusCode::OK);
    let text = answer.text().await.unwrap();
    let document = serde_json::from_str(&text).unwrap();
    (text, document)
}

#[tokio::test]
async fn the_committed_document_is_the_one_that_is_served() {
    let netmaster = Netmaster::start().await;
    let (text, _) = document(&netmaster).await;
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/openapi.json");
    if std::env::var_os("TRUNKLINE_BLESS").is_some() {
        std::fs::write(&path, &text).unwrap();
    }
    let committed = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        text == committed,
        "docs/openapi.json differs; TRUNKLINE_BLESS=1 takes it over"
    );
}

#[tokio::test]
async fn every_path_of_the_document_is_known_with_the_methods_it_names_and_no_others() {
    let netmaster = Netmaster::with_blue().await;
    let (_, document) = document(&netmaster).await;
    let paths = document["paths"].as_object().unwrap();
    assert!(paths.len() > 30, "{}", paths.len());
    for (path, item) in paths {
        let documented: BTreeSet<String> = item
            .as_object()
            .unwrap()
            .keys()
            .map(|method| method.to_uppercase())
            .collect();
        let url = path
            .replace("{ip}", "10.1.0.10")
            .replace("{revision}", "1")
            .replace("{id}", "x");
        let url: String = url.replace(['{', '}'], "");
        // No route knows this method, so each says which it knows.
        let answer = netmaster
            .http
            .request(Method::TRACE, format!("{}{url}", netmaster.url))
            .send()
            .await
            .unwrap();
        assert_eq!(answer.status(), StatusCode::METHOD_NOT_ALLOWED, "{path}");
        let allow = answer.headers()["allow"].to_str().unwrap();
        let known: BTreeSet<String> = allow
            .split(',')
            .map(str::to_owned)
            // What answers GET answers HEAD.
            .filter(|method| method != "HEAD")
            .collect();
        assert_eq!(known, documented, "{path}");
    }
}

#[tokio::test]
async fn every_reference_of_the_document_leads_somewhere() {
    let netmaster = Netmaster::start().await;
    let (text, document) = document(&netmaster).await;
    let schemas = document["components"]["schemas"].as_object().unwrap();
    let mut used = BTreeSet::new();
    for part in text.split("\"#/components/schemas/").skip(1) {
        used.insert(part.split('"').next().unwrap());
    }
    for name in &used {
        assert!(schemas.contains_key(*name), "{name} is not described");
    }
    for name in schemas.keys() {
        assert!(
            used.contains(name.as_str()),
            "{name} is described for nobody"
        );
    }
}

/// The rows of the table of `docs/api.md` whose first heading is `head`, cell by cell.
fn table(head: &str) -> Vec<Vec<String>> {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/api.md");
    let page = std::fs::read_to_string(page).unwrap();
    let rest = page.split(&format!("\n| {head} |")).nth(1).unwrap();
    let rows = rest
        .lines()
        .skip(2)
        .take_while(|line| line.starts_with('|'));
    let rows = rows.map(|row| {
        let cells = row.trim_matches('|').split('|');
        cells.map(|cell| cell.trim().to_owned()).collect()
    });
    rows.collect()
}

/// What is between backticks.
fn quoted(cell: &str) -> BTreeSet<&str> {
    cell.split('`').skip(1).step_by(2).collect()
}

#[test]
fn the_page_names_every_code_with_its_status() {
    let mut expected: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for code in ErrorCode::ALL {
        let codes = expected.entry(code.status().to_string()).or_default();
        codes.insert(code.name());
    }
    let mut said = BTreeMap::new();
    for row in table("status") {
        let codes = quoted(&row[1]).into_iter().map(str::to_owned).collect();
        said.insert(row[0].clone(), codes);
    }
    assert_eq!(said, expected);
}

#[tokio::test]
async fn the_page_names_the_fields_that_each_kind_can_be_selected_by() {
    let netmaster = Netmaster::start().await;
    let (_, document) = document(&netmaster).await;
    let rows = table("kind | fields to select by");
    assert_eq!(rows.len(), 12);
    for row in rows {
        let list = &document["paths"][format!("/v1/{}", row[0])]["get"]["parameters"];
        let parameters = list.as_array().unwrap().iter();
        let mut selector = parameters.filter(|one| one["name"] == "fieldSelector");
        let described = selector.next().unwrap()["description"].as_str().unwrap();
        let fields = described.split("Fields: ").nth(1).unwrap();
        assert_eq!(quoted(&row[1]), quoted(fields), "{}", row[0]);
    }
}

#[test]
fn the_page_names_every_code_that_a_check_finds() {
    let said: BTreeSet<String> = table("code")
        .iter()
        .flat_map(|row| quoted(&row[0]))
        .map(str::to_owned)
        .collect();
    let safe: BTreeSet<String> = table("code")
        .iter()
        .filter(|row| row[2] == "yes")
        .flat_map(|row| quoted(&row[0]))
        .map(str::to_owned)
        .collect();
    let of_store = ["store_differs", "store_unreadable"];
    let of_books = trunkline_ipam::DiscrepancyKind::ALL.map(|kind| kind.code());
    let codes = of_store.into_iter().chain(of_books).map(str::to_owned);
    assert_eq!(said, codes.collect());
    let repaired = ["endpoint_gone", "lease_lost", "reservation_over"];
    assert_eq!(safe, repaired.map(str::to_owned).into_iter().collect());
}

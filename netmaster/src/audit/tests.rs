use axum::http::{Method, StatusCode};
use serde_json::{Value, json};

use crate::forward::fixture::{Follower, is_problem};

#[tokio::test]
async fn a_back_up_or_a_capture_of_which_there_would_be_no_record_is_not_taken() {
    let netmaster = Follower::of(None).await;
    netmaster.leads_in_vain();
    let back_up = netmaster.ask(Method::GET, "/v1/backup", Value::Null).await;
    is_problem(&back_up, "store_unavailable");
    let path = "/v1/nodes/n1/requests";
    let capture = json!({"kind": "capture", "deadline_seconds": 1});
    let capture = netmaster.ask(Method::POST, path, capture).await;
    is_problem(&capture, "store_unavailable");
    // What is not recorded is asked all the same; the node does not answer.
    let status = json!({"kind": "status", "deadline_seconds": 1});
    let status = netmaster.ask(Method::POST, path, status).await;
    assert_eq!(status.0, StatusCode::OK, "{status:?}");
}

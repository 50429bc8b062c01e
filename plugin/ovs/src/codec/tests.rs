//! Messages as ovsdb-server 3.1 really sends them (captured), and ours as they go out.

use std::collections::{BTreeMap, BTreeSet};

use ovsdb::protocol::Uuid;
use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::row::{FailMode, Interface};

/// Three selects: bridge, ports, interfaces. The external id holds a quote, braces, a backslash,
/// a bracket and a letter of two bytes.
const SELECTED: &str = r#"{"id":["uuid","36bef046-7da7-43a5-905a-c17899216fcb"],"result":[{"rows":[{"ports":["uuid","40a8f922-f1bd-415b-a117-daacab79fff7"],"name":"br0","datapath_type":"","fail_mode":"secure","external_ids":["map",[["odd","a\"}{\\b]é"]]]}]},{"rows":[{"name":"br0","interfaces":["uuid","225615d1-05a2-492c-a313-01ed9eca065c"],"_uuid":["uuid","40a8f922-f1bd-415b-a117-daacab79fff7"],"external_ids":["map",[]],"tag":["set",[]]}]},{"rows":[{"name":"br0","ofport":65534,"_uuid":["uuid","225615d1-05a2-492c-a313-01ed9eca065c"],"external_ids":["map",[]],"error":["set",[]],"type":"internal"}]}],"error":null}"#;

/// A transaction that was committed: wait, insert, mutate, select.
const COMMITTED: &str = r#"{"id":["uuid","36bef046-7da7-43a5-905a-c17899216fcb"],"result":[{},{"uuid":["uuid","225615d1-05a2-492c-a313-01ed9eca065c"]},{"count":1},{"rows":[{"next_cfg":1}]}],"error":null}"#;

/// A `wait` with timeout 0 whose condition did not hold, then an operation not tried.
const WAIT_FAILED: &str = r#"{"id":["uuid","36bef046-7da7-43a5-905a-c17899216fcb"],"result":[{"details":"\"where\" clause test failed","error":"timed out"},null],"error":null}"#;

/// Two operations that went well, and a refusal at the commit.
const COMMIT_FAILED: &str = r#"{"id":["uuid","36bef046-7da7-43a5-905a-c17899216fcb"],"result":[{"uuid":["uuid","edce725d-a83a-41cb-be89-06792457f25f"]},{"count":1},{"details":"Transaction causes multiple rows in \"Bridge\" table to have identical values (br0) for index on column \"name\".","error":"constraint violation"}],"error":null}"#;

/// A request that was no transaction at all; there is no `result`.
const UNKNOWN_DATABASE: &str = r#"{"id":["uuid","36bef046-7da7-43a5-905a-c17899216fcb"],"error":{"syntax":"[\"nope\"]","details":"transact request specifies unknown database nope","error":"unknown database"}}"#;

/// The same with a bare string for an error.
const UNKNOWN_METHOD: &str = r#"{"id":1,"error":"unknown method"}"#;

fn decode(bytes: &str, ops: usize) -> Result<Outcome, ProtocolError> {
    match Incoming::parse(bytes.as_bytes())? {
        Incoming::Reply { result, error, .. } => outcome(ops, result, error),
        other => panic!("{other:?}"),
    }
}

fn results(bytes: &str, ops: usize) -> Vec<Value> {
    match decode(bytes, ops).unwrap() {
        Outcome::Done(results) => results,
        refused => panic!("{refused:?}"),
    }
}

fn refusal(bytes: &str, ops: usize) -> (Option<usize>, String, String) {
    match decode(bytes, ops).unwrap() {
        Outcome::Refused { op, error, details } => (op, error, details),
        done => panic!("{done:?}"),
    }
}

fn uuid(text: &str) -> Uuid {
    serde_json::from_value(json!(["uuid", text])).unwrap()
}

#[test]
fn selected_rows_are_read() {
    let results = results(SELECTED, 3);
    let bridge = rows::<BridgeRow>(results.first()).unwrap().pop().unwrap();
    assert_eq!(bridge.name, "br0");
    assert_eq!(Option::from(bridge.fail_mode), Some(FailMode::Secure));
    assert_eq!(bridge.external_ids.get("odd").unwrap(), r#"a"}{\b]é"#);
    let port = rows::<PortRow>(results.get(1)).unwrap().pop().unwrap();
    assert_eq!(bridge.ports.as_slice(), [port.uuid]);
    assert_eq!(Option::<u16>::from(port.tag), None);
    let row = rows::<InterfaceRow>(results.get(2)).unwrap().pop().unwrap();
    assert_eq!(port.interfaces.as_slice(), [row.uuid]);
    let interface = Interface {
        name: "br0".to_owned(),
        kind: "internal".to_owned(),
        ofport: Some(65534),
        error: None,
        external_ids: BTreeMap::new(),
    };
    assert_eq!(Interface::from(row), interface);
}

#[test]
fn an_interface_that_could_not_be_opened_has_an_error_and_no_number() {
    let text = SELECTED
        .replace("\"ofport\":65534", "\"ofport\":-1")
        .replace("\"error\":[\"set\",[]]", "\"error\":\"no such device\"");
    let row = rows::<InterfaceRow>(results(&text, 3).get(2))
        .unwrap()
        .pop()
        .unwrap();
    let interface = Interface::from(row);
    assert_eq!(
        (interface.ofport, interface.error.as_deref()),
        (None, Some("no such device"))
    );
}

#[test]
fn a_committed_transaction_has_a_result_for_each_operation() {
    let results = results(COMMITTED, 4);
    let row = rows::<OpenVswitchRow>(results.last())
        .unwrap()
        .pop()
        .unwrap();
    assert_eq!(row.next_cfg, 1);
}

#[test]
fn refusals_name_the_operation_if_it_was_one() {
    let (op, error, details) = refusal(WAIT_FAILED, 2);
    assert_eq!((op, error.as_str()), (Some(0), "timed out"));
    assert_eq!(details, "\"where\" clause test failed");
    let (op, error, details) = refusal(COMMIT_FAILED, 2);
    assert_eq!((op, error.as_str()), (None, "constraint violation"));
    assert!(details.starts_with("Transaction causes multiple rows in \"Bridge\""));
    assert_eq!(refusal(UNKNOWN_DATABASE, 2).1, "unknown database");
    let (op, error, details) = refusal(UNKNOWN_METHOD, 2);
    assert_eq!(
        (op, error.as_str(), details.as_str()),
        (None, "unknown method", "no details given")
    );
}

#[test]
fn a_reply_answers_the_request_with_its_id_only() {
    let reply = Incoming::parse(COMMITTED.as_bytes()).unwrap();
    assert!(reply.answers(&uuid("36bef046-7da7-43a5-905a-c17899216fcb")));
    assert!(!reply.answers(&uuid("36bef046-7da7-43a5-905a-c17899216fcc")));
}

#[test]
fn an_echo_goes_back_as_it_came() {
    let echo = br#"{"method":"echo","id":"echo","params":["a\"}",1]}"#;
    let Incoming::Echo { id, params } = Incoming::parse(echo).unwrap() else {
        panic!()
    };
    let reply: Value = serde_json::from_slice(&echo_reply(&id, &params)).unwrap();
    assert_eq!(
        reply,
        json!({ "id": "echo", "result": ["a\"}", 1], "error": null })
    );
}

#[test]
fn what_was_not_asked_for_is_passed_over() {
    let update = br#"{"id":null,"method":"update","params":[null,{}]}"#;
    assert_eq!(Incoming::parse(update).unwrap(), Incoming::Other);
}

#[test]
fn operations_go_out_as_rfc_7047_writes_them() {
    let row = UuidName::new("port0".to_owned());
    let ids = BTreeMap::from([("a\"}".to_owned(), "\\".to_owned())]);
    let keys = BTreeSet::from(["k".to_owned()]);
    let ops = vec![
        Op::expect("Bridge", "br0", true),
        Op::insert(
            "Port",
            &row,
            Columns::from([("external_ids", (&ids).into())]),
        ),
        Op::Mutate {
            table: "Bridge",
            r#where: named("br0"),
            mutations: vec![
                ("ports", "insert", (&row).into()),
                ("external_ids", "delete", (&keys).into()),
            ],
        },
        Op::Delete {
            table: "Port",
            r#where: vec![(
                "_uuid",
                "==",
                uuid("36bef046-7da7-43a5-905a-c17899216fcb").into(),
            )],
        },
        Op::Select {
            table: "Open_vSwitch",
            r#where: vec![],
            columns: &["next_cfg"],
        },
    ];
    let request = TransactRequest::new(ops).unwrap();
    let sent: Value = serde_json::from_slice(&request.bytes).unwrap();
    let expected = json!({
        "id": ["uuid", request.id.to_string()],
        "method": "transact",
        "params": [
            "Open_vSwitch",
            {
                "op": "wait", "table": "Bridge", "where": [["name", "==", "br0"]],
                "columns": ["name"], "until": "==", "rows": [{ "name": "br0" }], "timeout": 0,
            },
            {
                "op": "insert", "table": "Port", "uuid-name": "port0",
                "row": { "external_ids": ["map", [["a\"}", "\\"]]] },
            },
            {
                "op": "mutate", "table": "Bridge", "where": [["name", "==", "br0"]],
                "mutations": [
                    ["ports", "insert", ["named-uuid", "port0"]],
                    ["external_ids", "delete", ["set", ["k"]]],
                ],
            },
            {
                "op": "delete", "table": "Port",
                "where": [["_uuid", "==", ["uuid", "36bef046-7da7-43a5-905a-c17899216fcb"]]],
            },
            { "op": "select", "table": "Open_vSwitch", "where": [], "columns": ["next_cfg"] },
        ],
    });
    assert_eq!(sent, expected);
    assert_eq!(request.ops, 5);
}

#[test]
fn answers_that_make_no_sense_are_errors() {
    for hostile in [
        "{}",
        r#"{"id":1,"result":null,"error":null}"#,
        r#"{"id":1,"result":{},"error":null}"#,
        r#"{"id":1,"result":[],"error":null}"#,
        r#"{"id":1,"result":[null],"error":null}"#,
    ] {
        let error = decode(hostile, 1).unwrap_err();
        assert!(
            matches!(error, ProtocolError::Missing(_)),
            "{hostile}: {error:?}"
        );
    }
    for hostile in ["", "{", "[]", "{\"method\":1}", "{\"id\":1}x", "\u{0}"] {
        let error = Incoming::parse(hostile.as_bytes()).unwrap_err();
        assert!(
            matches!(error, ProtocolError::Json(_)),
            "{hostile}: {error:?}"
        );
    }
    let deep = format!("{{\"result\":{}", "[".repeat(100_000));
    Incoming::parse(deep.as_bytes()).unwrap_err();
}

#[test]
fn columns_that_are_not_in_ovsdb_s_notation_are_errors() {
    for hostile in [
        json!([]),
        json!(["set"]),
        json!(["map"]),
        json!(["uuid"]),
        json!(["set", 1]),
        json!(["map", [1]]),
        json!(["map", [["a"]]]),
        json!(["set", [["set"]]]),
        json!(null),
        json!({ "a": 1 }),
    ] {
        let result = json!({ "rows": [{ "next_cfg": hostile }] });
        let error = rows::<OpenVswitchRow>(Some(&result)).unwrap_err();
        assert!(
            matches!(error, ProtocolError::Column(_)),
            "{hostile}: {error:?}"
        );
    }
}

proptest! {
    /// Every message cut short, or with a byte of it changed, is read or refused: no panic.
    #[test]
    fn damaged_answers_never_panic(at in 0..SELECTED.len(), byte: u8, cut: bool) {
        let mut bytes = SELECTED.as_bytes().to_vec();
        if cut { bytes.truncate(at) } else { bytes[at] = byte }
        if let Ok(Incoming::Reply { result, error, .. }) = Incoming::parse(&bytes)
            && let Ok(Outcome::Done(results)) = outcome(3, result, error)
        {
            let _ = rows::<BridgeRow>(results.first());
            let _ = rows::<PortRow>(results.get(1));
            let _ = rows::<InterfaceRow>(results.get(2));
        }
    }
}

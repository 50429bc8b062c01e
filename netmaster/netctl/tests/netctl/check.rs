//! `check --repair`: what netmaster is asked to repair, and what is said of it.

use std::sync::mpsc;

use serde_json::{Value, json};

use crate::canned::{serve, text};
use crate::netctl;

fn finding(name: &str, safe: bool) -> Value {
    json!({"code": if safe { "lease_lost" } else { "lease_unknown" }, "kind": "address",
           "name": name, "revision": 7, "safe": safe, "evidence": "somebody says so",
           "command": "do something"})
}

/// Checks and repairs. Each answer to a check has a number of findings in all, and those that it has
/// room for; `refused` is not repaired. Answers the names that are to be repaired in each request.
fn repaired(
    answers: Vec<(u64, Vec<Value>)>,
    refused: &'static str,
) -> (Vec<Vec<String>>, Option<i32>, String) {
    let (asked, received) = mpsc::channel();
    let mut answers = answers.into_iter();
    let mut expected = "GET /v1/check";
    let url = serve(Box::new(move |request, body| {
        if request == "POST /v1/check/repair" {
            let body: Value = serde_json::from_str(body).unwrap();
            let findings = body["findings"].as_array().unwrap();
            let names = findings.iter().map(|one| one["name"].as_str().unwrap());
            // The test may be over.
            let _ = asked.send(names.map(str::to_owned).collect());
            let repairs = findings.iter().map(|one| match one["name"] == refused {
                true => json!({"finding": one, "repaired": false, "detail": "too late"}),
                false => json!({"finding": one, "repaired": true}),
            });
            return (200, text(&json!({"repairs": repairs.collect::<Vec<_>>()})));
        }
        assert_eq!(request, expected);
        expected = "GET /v1/check?safe=true";
        let (total, findings) = answers.next().expect("one more check");
        let check = json!({"revision": 9, "total": total, "nodes": 3, "findings": findings});
        (200, text(&check))
    }));
    let output = netctl(&url, "check --repair").output().unwrap();
    let said = [output.stdout, output.stderr].concat();
    let said = String::from_utf8(said).unwrap();
    (received.try_iter().collect(), output.status.code(), said)
}

#[test]
fn only_what_is_safe_is_asked_to_be_repaired() {
    let found = vec![finding("10.1.0.7", true), finding("10.1.0.8", false)];
    let (asked, code, said) = repaired(vec![(2, found)], "");
    assert_eq!(asked, [["10.1.0.7"]], "{said}");
    assert_eq!(code, Some(7), "{said}");
    assert!(said.contains("2 finding(s), 1 repaired"), "{said}");
}

#[test]
fn all_is_well_when_everything_is_repaired() {
    let (asked, code, said) = repaired(vec![(1, vec![finding("10.1.0.7", true)])], "");
    assert_eq!((asked.len(), code), (1, Some(0)), "{said}");
}

#[test]
fn what_an_answer_had_no_room_for_is_repaired_too() {
    let answers = vec![
        // Of all that are found, none that there was room for is safe.
        (4, vec![finding("10.1.0.1", false)]),
        (
            3,
            vec![finding("10.1.0.2", true), finding("10.1.0.3", true)],
        ),
        // What was refused is still there, and is not tried again.
        (
            2,
            vec![finding("10.1.0.3", true), finding("10.1.0.4", true)],
        ),
    ];
    let (asked, code, said) = repaired(answers, "10.1.0.3");
    assert_eq!(
        asked,
        [vec!["10.1.0.2", "10.1.0.3"], vec!["10.1.0.4"]],
        "{said}"
    );
    assert_eq!(code, Some(7), "{said}");
    assert!(said.contains("4 finding(s), 2 repaired"), "{said}");
}

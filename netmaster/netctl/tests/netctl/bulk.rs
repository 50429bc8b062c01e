//! Files with many objects or lines: what netmaster is asked, and what is said if it ends half-way.

use std::io::Write as _;
use std::process::Stdio;
use std::sync::mpsc;

use serde_json::{Value, json};
use tempfile::TempDir;
use trunkline_netmaster_api::{ErrorCode, Problem, RefusedObject};

use crate::canned::{problem, serve, text};
use crate::netctl;

/// Printers, of which each makes one change: enough for three batches.
fn printers() -> String {
    let lines = (0..300).map(|n| format!("10.1.{}.{},printer {n}\n", n / 200, n % 200 + 10));
    format!("ip,owner\n{}", lines.collect::<String>())
}

fn done(dry_run: bool) -> (u16, String) {
    let changes = json!({"dry_run": dry_run, "revision": 7, "objects": []});
    (200, text(&changes))
}

/// What a netmaster answers that refuses the address at `index` of a request.
fn in_the_way(index: u32) -> (u16, String) {
    let detail = "address `10.1.0.140` is in use: choose another one";
    let object = RefusedObject {
        index: Some(index),
        kind: "address".to_owned(),
        name: "10.1.0.140".to_owned(),
        code: ErrorCode::AddressInUse,
        detail: detail.to_owned(),
        field: Some("ip".to_owned()),
    };
    let problem = Problem::new(ErrorCode::AddressInUse, detail).of_objects(vec![object]);
    (problem.status, text(&problem))
}

/// Imports printers, with these answers to requests that are no rehearsals.
fn imported(answers: Vec<(u16, String)>) -> (Option<i32>, String) {
    let mut answers = answers.into_iter();
    let url = serve(Box::new(move |request, _| match request {
        "POST /v1/import?dryRun=true" => done(true),
        "POST /v1/import?dryRun=false" => answers.next().expect("one more batch"),
        other => panic!("no answer for `{other}`"),
    }));
    let place = TempDir::new().unwrap();
    let file = place.path().join("old.csv");
    std::fs::write(&file, printers()).unwrap();
    let line = format!("import addresses {}", file.display());
    let output = netctl(&url, &line).output().unwrap();
    let said = [output.stdout, output.stderr].concat();
    (output.status.code(), String::from_utf8(said).unwrap())
}

#[test]
fn an_import_that_ends_half_way_says_how_much_is_imported() {
    let (code, said) = imported(vec![done(false), in_the_way(9)]);
    assert_eq!(code, Some(4), "{said}");
    for part in [
        // The tenth line of the second batch, below the line with the columns.
        "line 131, address `10.1.0.140`: ",
        "120 of 300 line(s) are done, and stay so.\n",
        "import the file again: what is done already changes nothing.",
    ] {
        assert!(said.contains(part), "{said}");
    }
    assert!(!said.contains("nothing was done"), "{said}");
}

#[test]
fn an_import_whose_answer_is_lost_says_what_is_not_known() {
    let unsure = problem(ErrorCode::StoreUnavailable, "nothing is sure");
    let (code, said) = imported(vec![unsure]);
    assert_eq!(code, Some(3), "{said}");
    let part = "0 of 300 line(s) are done, and stay so; of the next 120 that is not known.\n";
    assert!(said.contains(part), "{said}");
}

#[test]
fn an_import_that_has_done_nothing_says_just_that() {
    let (code, said) = imported(vec![in_the_way(0)]);
    assert_eq!(code, Some(4), "{said}");
    assert!(said.contains("nothing was done, 1 line(s) of"), "{said}");
}

#[test]
fn an_address_in_two_batches_is_told_before_anybody_is_asked() {
    let (asked, requests) = mpsc::channel();
    let url = serve(Box::new(move |request, _| {
        // The test may be over.
        let _ = asked.send(request.to_owned());
        done(true)
    }));
    let place = TempDir::new().unwrap();
    let file = place.path().join("old.csv");
    let text = format!("{}10.1.0.10,another printer\n", printers());
    std::fs::write(&file, text).unwrap();
    let line = format!("import addresses {}", file.display());
    let output = netctl(&url, &line).output().unwrap();
    assert_eq!(output.status.code(), Some(2), "{output:?}");
    let said = String::from_utf8(output.stderr).unwrap();
    let part = "line 302: `10.1.0.10` is in line 2 already";
    assert!(said.contains(part), "{said}");
    assert_eq!(requests.try_iter().count(), 0);
}

#[test]
fn what_has_a_mac_address_in_common_is_rehearsed_at_once() {
    let (bodies, received) = mpsc::channel();
    let url = serve(Box::new(move |_, body| {
        // The test may be over.
        let _ = bodies.send(serde_json::from_str::<Value>(body).unwrap());
        done(true)
    }));
    let place = TempDir::new().unwrap();
    let file = place.path().join("old.csv");
    let with_macs = printers().replace("ip,owner", "ip,owner,mac");
    let mut lines: Vec<_> = with_macs.lines().map(|line| format!("{line},\n")).collect();
    lines[0] = "ip,owner,mac\n".to_owned();
    for place in [1, 300] {
        lines[place] = lines[place].replace(",\n", ",02:00:00:00:00:07\n");
    }
    std::fs::write(&file, lines.concat()).unwrap();
    let line = format!("import addresses {} --dry-run", file.display());
    let output = netctl(&url, &line).output().unwrap();
    assert!(output.status.success(), "{output:?}");
    let bodies: Vec<_> = received.try_iter().collect();
    let first = bodies[0]["addresses"].as_array().unwrap();
    let with_mac = first.iter().filter(|one| one["mac"] != Value::Null);
    assert_eq!(with_mac.count(), 2, "{first:?}");
    let all = bodies
        .iter()
        .map(|body| body["addresses"].as_array().unwrap().len());
    assert_eq!(all.sum::<usize>(), 300);
}

#[test]
fn more_than_can_be_read_is_refused_and_not_cut_off() {
    for line in ["apply -f -", "import addresses -"] {
        let mut child = netctl("http://192.0.2.1:9630", line)
            .stdin(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut stdin = child.stdin.take().unwrap();
        let writer = std::thread::spawn(move || {
            // Whole lines, so that what is cut off would be no mistake by itself.
            let lines = "# nothing but comments\n".repeat(1 << 16);
            // It has enough at some time, and goes away.
            while stdin.write_all(lines.as_bytes()).is_ok() {}
        });
        let output = child.wait_with_output().unwrap();
        writer.join().unwrap();
        assert_eq!(output.status.code(), Some(2), "{line}: {output:?}");
        let said = String::from_utf8(output.stderr).unwrap();
        let part = "`-` has more than 64 MiB, so none of it is read";
        assert!(said.contains(part), "{line}: {said}");
    }
}

/// Applies seven profiles and a network, which comes last in the file, in parts. Netmaster takes
/// three objects at most, and no more parts than `parts`; `same` it has already. Answers the names
/// in each part, with the exit code and what is said.
fn in_parts(parts: usize, same: &'static str) -> (Vec<Vec<String>>, Option<i32>, String) {
    let (taken, received) = mpsc::channel();
    let mut left = parts;
    let url = serve(Box::new(move |request, body| {
        let body: Value = serde_json::from_str(body).unwrap();
        let objects = body["objects"].as_array().unwrap();
        let dry_run = match request {
            "POST /v1/apply?dryRun=true&inParts=true" => true,
            "POST /v1/apply?dryRun=false" => false,
            other => panic!("no answer for `{other}`"),
        };
        if !dry_run && objects.len() > 3 {
            return problem(ErrorCode::ChangeTooLarge, "three keys");
        }
        let changes = (0..).zip(objects).map(|(index, object): (u32, _)| {
            let op = if object["name"] == same {
                "unchanged"
            } else {
                "create"
            };
            json!({"index": index, "kind": object["kind"], "name": object["name"], "op": op})
        });
        let changes = json!({"dry_run": dry_run, "revision": 7,
                             "objects": changes.collect::<Vec<_>>()});
        if dry_run {
            return (200, text(&changes));
        }
        if left == 0 {
            return in_the_way(1);
        }
        left -= 1;
        let names = objects.iter().map(|one| one["name"].as_str().unwrap());
        // The test may be over.
        let _ = taken.send(names.map(str::to_owned).collect());
        (200, text(&changes))
    }));
    let mut objects: Vec<_> = (0..7)
        .map(|n| json!({"kind": "profile", "name": format!("p{n}")}))
        .collect();
    objects.push(json!({"kind": "network", "name": "red", "vlan": 7}));
    let place = TempDir::new().unwrap();
    let file = place.path().join("all.json");
    std::fs::write(&file, Value::from(objects).to_string()).unwrap();
    let line = format!("apply -f {} --in-parts", file.display());
    let output = netctl(&url, &line).output().unwrap();
    let said = [output.stdout, output.stderr].concat();
    let said = String::from_utf8(said).unwrap();
    (received.try_iter().collect(), output.status.code(), said)
}

#[test]
fn an_apply_in_parts_takes_smaller_ones_until_they_fit() {
    let (parts, code, said) = in_parts(9, "p1");
    assert_eq!(code, Some(0), "{said}");
    // What the others may refer to comes first, and what is so already is left out. Of seven that
    // are left it tries all, three, and so on.
    assert_eq!(
        parts,
        [vec!["red", "p0", "p2"], vec!["p3", "p4", "p5"], vec!["p6"]]
    );
    assert!(said.ends_with("7 created, 1 as they were\n"), "{said}");
}

#[test]
fn an_apply_in_parts_that_ends_half_way_says_how_much_is_applied() {
    let (parts, code, said) = in_parts(1, "none of them");
    assert_eq!((parts.len(), code), (1, Some(4)), "{said}");
    let done = parts[0].len();
    for part in [
        // The second of the next part, by its place in the file.
        format!("\n  object {}, ", done + 1),
        format!("\n{done} of 8 object(s) are done, and stay so.\n"),
        "apply the file again: what is done already changes nothing.".to_owned(),
    ] {
        assert!(said.contains(&part), "`{part}` {said}");
    }
}

#[test]
fn an_apply_in_parts_is_not_for_what_needs_the_whole() {
    for flags in ["--prune a=b", "--revision 7"] {
        let line = format!("apply -f x.yaml --in-parts {flags}");
        let output = netctl("http://192.0.2.1:9630", &line).output().unwrap();
        assert_eq!(output.status.code(), Some(2), "{flags}: {output:?}");
    }
}

#[test]
fn an_apply_at_a_revision_is_made_at_that_one_only() {
    let stale = Problem::new(ErrorCode::StaleRevision, "somebody changed it: look again").at(9);
    let url = serve(Box::new(move |request, _| {
        assert_eq!(request, "POST /v1/apply?dryRun=false&revision=7");
        (409, text(&stale))
    }));
    let place = TempDir::new().unwrap();
    let file = place.path().join("red.json");
    std::fs::write(&file, r#"{"kind": "network", "name": "red", "vlan": 7}"#).unwrap();
    let line = format!("apply -f {} --revision 7", file.display());
    let output = netctl(&url, &line).output().unwrap();
    assert_eq!(output.status.code(), Some(4), "{output:?}");
}

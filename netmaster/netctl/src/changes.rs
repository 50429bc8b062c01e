//! What becomes of objects, for people.

use std::fmt::Write as _;

use serde_json::Value;
use trunkline_netmaster_api::{Changes, FieldChange, ObjectChange, Op, Touch, TouchedEndpoint};

use crate::render::plain;

/// How many endpoints are named of those that a change touches.
const NAMED: usize = 10;

/// What changes, object by object.
pub(crate) fn text(changes: &Changes) -> String {
    let objects = changes.objects.iter();
    let changed = objects.filter(|object| object.op != Op::Unchanged);
    changed.map(object).collect()
}

/// How much of it there is, on one line.
pub(crate) fn summary(changes: &Changes) -> String {
    let count = |op: Op| {
        changes
            .objects
            .iter()
            .filter(|object| object.op == op)
            .count()
    };
    let counts = [
        (count(Op::Create), "created"),
        (count(Op::Update), "changed"),
        (count(Op::Delete), "deleted"),
        (count(Op::Unchanged), "as they were"),
    ];
    let counts = counts.iter().filter(|(count, _)| *count > 0);
    let counts: Vec<_> = counts
        .map(|(count, what)| format!("{count} {what}"))
        .collect();
    let counts = match counts.is_empty() {
        true => "nothing to do".to_owned(),
        false => counts.join(", "),
    };
    match changes.dry_run {
        true => format!(
            "dry run at revision {}, nothing was done: {counts}\n",
            changes.revision
        ),
        false => format!("{counts}\n"),
    }
}

fn object(change: &ObjectChange) -> String {
    let sign = match change.op {
        Op::Create => '+',
        Op::Delete => '-',
        _ => '~',
    };
    let mut text = format!("{sign} {} {}\n", change.kind, plain(&change.name).text);
    for field in &change.fields {
        let _ = writeln!(text, "    {}", line(change.op, field));
    }
    for touch in &change.touches {
        text.push_str(&touched(touch));
    }
    text
}

fn line(op: Op, change: &FieldChange) -> String {
    let value = |value: &Option<Value>| match value {
        Some(Value::String(text)) => plain(text).text,
        Some(other) => other.to_string(),
        None => "-".to_owned(),
    };
    match op {
        Op::Create => format!("{}: {}", change.field, value(&change.after)),
        Op::Delete => format!("{}: {}", change.field, value(&change.before)),
        _ => format!(
            "{}: {} -> {}",
            change.field,
            value(&change.before),
            value(&change.after)
        ),
    }
}

fn touched(touch: &Touch) -> String {
    if touch.total == 0 {
        let addresses: Vec<_> = touch.addresses.iter().map(ToString::to_string).collect();
        return format!("  ! {}: {}\n", touch.effect.meaning(), addresses.join(", "));
    }
    let mut text = format!(
        "  ! {} endpoint(s) {}:\n",
        touch.total,
        touch.effect.meaning()
    );
    for endpoint in touch.endpoints.iter().take(NAMED) {
        let _ = writeln!(text, "      {}", name(endpoint));
    }
    let named = touch.endpoints.len().min(NAMED);
    let more = touch
        .total
        .saturating_sub(u64::try_from(named).unwrap_or(u64::MAX));
    if more > 0 {
        let _ = writeln!(text, "      and {more} more");
    }
    text
}

fn name(endpoint: &TouchedEndpoint) -> String {
    let who = match &endpoint.pod {
        Some(pod) => format!("pod {pod}"),
        None => format!("attachment {}", endpoint.attachment),
    };
    let addresses: Vec<_> = endpoint.addresses.iter().map(ToString::to_string).collect();
    let text = format!("{who} on {} ({})", endpoint.node, addresses.join(", "));
    plain(text).text
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn changes(value: Value) -> Changes {
        serde_json::from_value(value).unwrap()
    }

    #[test]
    fn a_change_is_told_field_by_field_with_whom_it_touches() {
        let endpoints: Vec<_> = (0..12)
            .map(|n| {
                json!({"attachment": format!("c{n}/eth0"), "node": "n1",
                            "addresses": [format!("10.1.0.{n}")]})
            })
            .collect();
        let changes = changes(json!({"dry_run": true, "revision": 7, "objects": [
            {"index": 0, "kind": "network", "name": "red", "op": "create",
             "fields": [{"field": "vlan", "after": 7}]},
            {"index": 1, "kind": "subnet", "name": "blue-r1", "op": "update",
             "fields": [{"field": "gateway", "before": "10.1.0.1", "after": "10.1.0.254"},
                        {"field": "labels.a", "before": "x\u{1b}"}],
             "touches": [{"effect": "keeps_gateway", "total": 120, "endpoints": endpoints},
                         {"effect": "withdrawn", "total": 0, "addresses": ["10.1.0.9"]}]},
            {"index": 2, "kind": "profile", "name": "gold", "op": "unchanged"},
        ]}));
        let told = text(&changes);
        assert!(
            told.starts_with("+ network red\n    vlan: 7\n~ subnet blue-r1\n"),
            "{told}"
        );
        for part in [
            "    gateway: 10.1.0.1 -> 10.1.0.254\n    labels.a: x\\u{1b} -> -\n",
            "  ! 120 endpoint(s) keep the old gateway until their pods are built anew:\n",
            "      attachment c9/eth0 on n1 (10.1.0.9)\n      and 110 more\n",
            "  ! no longer handed out: 10.1.0.9-10.1.0.9\n",
        ] {
            assert!(told.contains(part), "{told}");
        }
        assert!(!told.contains("gold"));
        assert_eq!(
            summary(&changes),
            "dry run at revision 7, nothing was done: 1 created, 1 changed, 1 as they were\n"
        );
    }

    #[test]
    fn no_objects_are_nothing_to_do() {
        let none = changes(json!({"dry_run": false, "revision": 7, "objects": []}));
        assert_eq!(
            (text(&none), summary(&none)),
            (String::new(), "nothing to do\n".to_owned())
        );
    }
}

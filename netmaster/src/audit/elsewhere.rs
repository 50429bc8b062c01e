//! What another replica refused while it followed.

use trunkline_ipam::{Audit, AuditResult, Revision, Timestamp};
use trunkline_netmaster_api as api;

use super::trail::beginning;

/// What another replica says that it refused, no later than `now`; none if that is no record of
/// such. Its texts are as long as this replica's own at most.
pub(crate) fn refused_elsewhere(record: api::Audit, now: Timestamp) -> Option<Audit> {
    let refused = [AuditResult::Refused, AuditResult::Denied];
    let result = refused
        .into_iter()
        .find(|result| result.name() == record.result)?;
    let short = |text: String| beginning(&text).to_owned();
    Some(Audit {
        // Clocks differ, and what comes last is found last.
        at: Timestamp::from_unix_seconds(record.at).min(now),
        identity: record.identity.map(short),
        from: record.from,
        method: short(record.method),
        path: short(record.path),
        kind: record.kind.map(short),
        name: record.name.map(short),
        before: None,
        after: None,
        objects: Vec::new(),
        result,
        code: record.code.map(short),
        omitted: record.omitted,
        revision: Revision::ZERO,
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const NOW: Timestamp = Timestamp::from_unix_seconds(1_700_000_000);

    fn record(result: &str, at: u64, text: &str) -> api::Audit {
        let record = json!({
            "revision": 7, "at": at, "identity": text, "method": "GET", "path": text,
            "kind": text, "name": text, "result": result, "code": text,
            "before": {"name": "blue"},
        });
        serde_json::from_value(record).unwrap()
    }

    #[test]
    fn what_is_told_is_refused_before_now_and_short() {
        let long = "é".repeat(1000);
        let taken = refused_elsewhere(record("denied", u64::MAX, &long), NOW).unwrap();
        assert_eq!((taken.at, taken.result), (NOW, AuditResult::Denied));
        assert_eq!((taken.before, taken.revision), (None, Revision::ZERO));
        for text in [taken.identity, taken.kind, taken.name, taken.code] {
            assert_eq!(text.unwrap().len(), 256);
        }
        assert_eq!(taken.path.len(), 256);
        let before = refused_elsewhere(record("refused", 1_600_000_000, "viewer:vera"), NOW);
        assert_eq!(before.unwrap().at.unix_seconds(), 1_600_000_000);
        assert!(refused_elsewhere(record("done", 0, "admin:root"), NOW).is_none());
    }
}

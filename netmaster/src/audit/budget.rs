//! How much of what is not done is recorded.

use std::collections::BTreeMap;

use trunkline_ipam::{AuditResult, Timestamp};

/// How many records an identity has in a minute; whoever tries more often learns nothing by it, and
/// nor does who reads them.
const RECORDS: u64 = 20;

/// How many all those have together whom nobody knows: anybody is one of them.
const RECORDS_OF_OTHERS: u64 = 5;

/// How many seconds that is counted for.
const MINUTE: u64 = 60;

/// How many identities are counted at a time; more share one count. Every agent has one.
const IDENTITIES: usize = 16_384;

/// Under what those are counted who are too many, and those whom nobody knows.
const OTHERS: &str = "";

/// What each identity was refused of late.
#[derive(Debug, Default)]
pub(super) struct Budget {
    spans: BTreeMap<String, Span>,
}

/// What one identity was refused since some time.
#[derive(Debug)]
struct Span {
    since: Timestamp,
    recorded: u64,
    omitted: u64,
    result: AuditResult,
}

impl Budget {
    /// Whether another attempt of `identity` is recorded, and if so, how many were left out before.
    pub(super) fn take(
        &mut self,
        identity: Option<&str>,
        result: AuditResult,
        now: Timestamp,
    ) -> Option<u64> {
        self.take_with(identity, result, 0, now)
    }

    /// The same, when so many others were left out of it before by somebody else.
    pub(super) fn take_with(
        &mut self,
        identity: Option<&str>,
        result: AuditResult,
        left_out: u64,
        now: Timestamp,
    ) -> Option<u64> {
        let mut key = identity.unwrap_or(OTHERS);
        if self.spans.len() >= IDENTITIES && !self.spans.contains_key(key) {
            key = OTHERS;
        }
        let span = self.spans.entry(key.to_owned()).or_insert(Span {
            since: now,
            recorded: 0,
            omitted: 0,
            result,
        });
        if span.is_over(now) {
            span.since = now;
            span.recorded = 0;
        }
        span.result = result;
        span.omitted = span.omitted.saturating_add(left_out);
        let most = match key {
            OTHERS => RECORDS_OF_OTHERS,
            _ => RECORDS,
        };
        if span.recorded >= most {
            span.omitted += 1;
            return None;
        }
        span.recorded += 1;
        Some(std::mem::take(&mut span.omitted))
    }

    /// Forgets those whose minute is over, and answers how many were left out of whom.
    pub(super) fn over(&mut self, now: Timestamp) -> Vec<(Option<String>, AuditResult, u64)> {
        let over = self.spans.extract_if(.., |_, span| span.is_over(now));
        let over = over.filter(|(_, span)| span.omitted > 0);
        let over = over.map(|(identity, span)| {
            let identity = (identity != OTHERS).then_some(identity);
            (identity, span.result, span.omitted)
        });
        over.collect()
    }
}

impl Span {
    /// A clock that was set back ends it too, or it would last until that time comes again.
    fn is_over(&self, now: Timestamp) -> bool {
        self.since.after(MINUTE) <= now || now < self.since
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_unix_seconds(1_700_000_000);
    const DENIED: AuditResult = AuditResult::Denied;

    #[test]
    fn an_identity_has_twenty_records_a_minute_and_the_rest_is_counted() {
        let mut budget = Budget::default();
        for _ in 0..20 {
            assert_eq!(budget.take(Some("token:ci"), DENIED, NOW), Some(0));
        }
        for _ in 0..7 {
            assert_eq!(budget.take(Some("token:ci"), DENIED, NOW.after(59)), None);
        }
        // Nobody else is kept out by that.
        assert_eq!(budget.take(Some("node:n1"), DENIED, NOW), Some(0));
        assert_eq!(budget.take(None, DENIED, NOW), Some(0));
        let later = NOW.after(60);
        assert_eq!(budget.take(Some("token:ci"), DENIED, later), Some(7));
        assert_eq!(budget.take(Some("token:ci"), DENIED, later), Some(0));
    }

    #[test]
    fn what_was_left_out_is_told_when_no_more_comes() {
        let mut budget = Budget::default();
        for _ in 0..25 {
            budget.take(Some("token:ci"), DENIED, NOW);
            budget.take(None, AuditResult::Refused, NOW);
        }
        budget.take(Some("node:n1"), DENIED, NOW);
        assert_eq!(budget.over(NOW.after(59)), []);
        let told = budget.over(NOW.after(60));
        let ci = Some("token:ci".to_owned());
        assert_eq!(told, [(None, AuditResult::Refused, 20), (ci, DENIED, 5)]);
        assert_eq!(budget.over(NOW.after(600)), []);
    }

    #[test]
    fn what_another_replica_left_out_is_told_as_well() {
        let mut budget = Budget::default();
        assert_eq!(budget.take_with(None, DENIED, 7, NOW), Some(7));
        for _ in 0..4 {
            budget.take(None, DENIED, NOW);
        }
        assert_eq!(budget.take_with(None, DENIED, 7, NOW), None);
        assert_eq!(budget.over(NOW.after(60)), [(None, DENIED, 8)]);
    }

    #[test]
    fn too_many_identities_share_one_count() {
        let mut budget = Budget::default();
        for number in 0..IDENTITIES {
            budget.take(Some(&format!("node:n{number}")), DENIED, NOW);
        }
        let more = (0..30).map(|number| budget.take(Some(&format!("x{number}")), DENIED, NOW));
        assert_eq!(more.flatten().count(), 5);
        assert_eq!(budget.spans.len(), IDENTITIES + 1);
    }

    #[test]
    fn a_clock_that_is_set_back_keeps_nobody_out() {
        let mut budget = Budget::default();
        for _ in 0..30 {
            budget.take(None, DENIED, NOW.after(3600));
        }
        assert_eq!(budget.take(None, DENIED, NOW), Some(25));
    }
}

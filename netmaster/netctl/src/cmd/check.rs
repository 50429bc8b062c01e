//! `netctl check`

use std::collections::BTreeSet;
use std::fmt::Write as _;

use clap::Args;
use serde::Serialize;
use trunkline_netmaster_api::{Finding, FindingRef, Repair, RepairSpec};

use crate::failure::Failure;
use crate::progress::Steps;
use crate::render::plain;
use crate::session::Session;

/// Whether store, nodes and reservations agree with each other
///
/// Every finding is printed with what says so and the command that repairs it. Ends with exit code
/// 7 if anything is found that is not repaired. With --repair what is safe is repaired until nothing
/// of it is left; of other findings the first 1,000 are printed.
#[derive(Args)]
#[command(after_help = "Examples:\n  netctl check\n  netctl check --repair")]
pub(crate) struct Check {
    /// Repair what can be repaired without anybody losing anything
    #[arg(long)]
    repair: bool,
}

/// What was found, and what became of it.
#[derive(Serialize)]
struct Checked {
    #[serde(flatten)]
    check: trunkline_netmaster_api::Check,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    repairs: Vec<Repair>,
}

impl Check {
    pub(crate) async fn run(self, session: &Session) -> Result<(), Failure> {
        let check = session.wait(session.client.check()).await?;
        let repairs = match self.repair {
            true => {
                let steps = Steps::of("repairing", "done", None);
                let repairs = repair(session, &check, &steps);
                session.go_through(&steps, repairs).await?
            }
            false => Vec::new(),
        };
        let checked = Checked { check, repairs };
        let name = || Ok(names(&checked));
        session.output.value(&checked, || text(&checked), name)?;
        let repaired = checked.repairs.iter().filter(|one| one.repaired).count();
        match checked.check.total > count(repaired) {
            true => Err(Failure::Found),
            false => Ok(()),
        }
    }
}

/// Repairs what is safe: of what was found, and of what an answer had no room for.
async fn repair(
    session: &Session,
    check: &trunkline_netmaster_api::Check,
    steps: &Steps,
) -> Result<Vec<Repair>, Failure> {
    let mut repairs = Vec::new();
    let mut tried = BTreeSet::new();
    let mut findings = safe(check);
    let mut has_more = check.total > count(check.findings.len());
    let mut looked_again = false;
    loop {
        // What was refused once would be once more.
        findings.retain(|one| tried.insert(one.clone()));
        let is_new = !findings.is_empty();
        if is_new {
            let spec = RepairSpec { findings };
            let done = session.client.repair(&spec).await?;
            steps.add(done.repairs.len());
            repairs.extend(done.repairs);
        }
        if !has_more || looked_again && !is_new {
            return Ok(repairs);
        }
        let next = session.client.check_safe().await?;
        findings = safe(&next);
        has_more = next.total > count(next.findings.len());
        looked_again = true;
    }
}

/// What of it is safe to repair.
fn safe(check: &trunkline_netmaster_api::Check) -> Vec<FindingRef> {
    let safe = check.findings.iter().filter(|one| one.safe);
    safe.map(FindingRef::from).collect()
}

fn count(things: usize) -> u64 {
    u64::try_from(things).unwrap_or(u64::MAX)
}

/// What is found, one `<code> <kind>/<name>` a line.
fn names(checked: &Checked) -> String {
    let findings = checked.check.findings.iter();
    findings
        .map(|one| format!("{} {}/{}\n", one.code, one.kind, one.name))
        .collect()
}

fn text(checked: &Checked) -> String {
    let check = &checked.check;
    let mut text: String = check
        .findings
        .iter()
        .map(|one| finding(one, &checked.repairs))
        .collect();
    let shown = count(check.findings.len());
    if check.total > shown {
        let _ = writeln!(text, "and {} more", check.total - shown);
    }
    let safe = check.findings.iter().filter(|one| one.safe).count();
    let repaired = checked.repairs.iter().filter(|one| one.repaired).count();
    let rest = match (checked.repairs.is_empty(), safe) {
        (false, _) => format!(", {repaired} repaired"),
        (true, 0) => String::new(),
        (true, _) => format!(", {safe} of them safe to repair with `netctl check --repair`"),
    };
    let found = match check.total {
        0 => "everything agrees".to_owned(),
        total => format!("{total} finding(s){rest}"),
    };
    let _ = writeln!(text, "{found}; {} node(s) compared", check.nodes);
    if check.unheard_total > 0 {
        let named: Vec<_> = check
            .unheard
            .iter()
            .take(10)
            .map(ToString::to_string)
            .collect();
        let more = match check.unheard_total > 10 {
            true => " and more",
            false => "",
        };
        let _ = writeln!(
            text,
            "{} node(s) said nothing lately, so nothing is known of them: {}{more}",
            check.unheard_total,
            named.join(", ")
        );
    }
    text
}

fn finding(finding: &Finding, repairs: &[Repair]) -> String {
    let same = |repair: &&Repair| {
        let of = &repair.finding;
        of.code == finding.code && of.kind == finding.kind && of.name == finding.name
    };
    let what = match repairs.iter().find(same) {
        Some(repair) if repair.repaired => "  repaired".to_owned(),
        Some(repair) => {
            let why = repair.detail.as_deref().unwrap_or("it was refused");
            format!("  not repaired: {}", plain(why).text)
        }
        None => format!("  $ {}", plain(&finding.command).text),
    };
    format!(
        "{}: {} {}\n  {}\n{what}\n",
        finding.code,
        finding.kind,
        plain(&finding.name).text,
        plain(&finding.evidence).text
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn checked(repairs: serde_json::Value) -> Checked {
        let finding = |code: &str, name: &str, safe: bool| {
            json!({"code": code, "kind": "address", "name": name, "revision": 7, "safe": safe,
                   "evidence": "somebody says so", "command": "do something"})
        };
        let check = json!({"revision": 9, "total": 2, "nodes": 3, "unheard": ["n4"],
                           "unheard_total": 1,
                           "findings": [finding("lease_lost", "10.1.0.7", true),
                                        finding("address_in_conflict", "10.1.0.8", false)]});
        Checked {
            check: serde_json::from_value(check).unwrap(),
            repairs: serde_json::from_value(repairs).unwrap(),
        }
    }

    #[test]
    fn findings_are_printed_with_evidence_and_way_out() {
        assert_eq!(
            text(&checked(json!([]))),
            "lease_lost: address 10.1.0.7\n  somebody says so\n  $ do something\n\
             address_in_conflict: address 10.1.0.8\n  somebody says so\n  $ do something\n\
             2 finding(s), 1 of them safe to repair with `netctl check --repair`; 3 node(s) \
             compared\n\
             1 node(s) said nothing lately, so nothing is known of them: n4\n"
        );
    }

    #[test]
    fn what_was_repaired_is_told_beside_what_was_not() {
        let of = json!({"code": "lease_lost", "kind": "address", "name": "10.1.0.7",
                        "revision": 7});
        let done = checked(json!([{"finding": of, "repaired": true}]));
        assert!(
            text(&done).contains("  repaired\naddress_in_conflict"),
            "{}",
            text(&done)
        );
        assert!(text(&done).contains("2 finding(s), 1 repaired"));
        let refused = checked(json!([{"finding": of, "repaired": false, "detail": "too late"}]));
        assert!(text(&refused).contains("  not repaired: too late\n"));
    }
}

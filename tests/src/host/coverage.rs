//! The coverage pages: which claims the project makes, and what shows each of them.
//!
//! In `docs/coverage/*.md` every bullet and every row of a table is a claim, and names in backticks what
//! shows it: `test:<executable>::<path>`, `scenario:<name>`, `bench:<name>`, `step:<name>`. A claim that
//! names nothing is open; a name that did not run, or did not pass, shows nothing.

use std::fs;
use std::path::Path;

use anyhow::Context;

/// What a page asserts, with its evidence.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Claim {
    /// Where its line is, counted from 1.
    line: usize,
    text: String,
    references: Vec<String>,
}

const KINDS: [&str; 4] = ["test:", "scenario:", "bench:", "step:"];

/// Every claim under `dir` that is open, or whose evidence does not hold according to `shown`: one line
/// for each, as in a compiler's output. `shown` says of a reference whether it ran and passed.
pub(super) fn complaints(
    dir: &Path,
    shown: impl Fn(&str) -> Option<bool>,
) -> anyhow::Result<Vec<String>> {
    let mut complaints = Vec::new();
    for page in pages(dir)? {
        let text = fs::read_to_string(dir.join(&page))
            .with_context(|| format!("cannot read `{page}` in `{}`", dir.display()))?;
        for claim in claims(&text) {
            let at = format!("docs/coverage/{page}:{}", claim.line);
            if claim.references.is_empty() {
                complaints.push(format!("{at}: nothing shows: {}", claim.text));
            }
            for reference in &claim.references {
                match shown(reference) {
                    Some(true) => {}
                    Some(false) => complaints.push(format!("{at}: `{reference}` failed")),
                    None => complaints.push(format!("{at}: `{reference}` did not run")),
                }
            }
        }
    }
    Ok(complaints)
}

fn pages(dir: &Path) -> anyhow::Result<Vec<String>> {
    let mut pages = Vec::new();
    for entry in fs::read_dir(dir).context("cannot list the coverage pages")? {
        let name = entry.context("cannot list the coverage pages")?.file_name();
        if let Ok(name) = name.into_string()
            && name.ends_with(".md")
        {
            pages.push(name);
        }
    }
    pages.sort();
    Ok(pages)
}

fn claims(page: &str) -> Vec<Claim> {
    let mut claims: Vec<Claim> = Vec::new();
    // Whether an indented line carries on the bullet before it.
    let mut in_bullet = false;
    let lines: Vec<_> = page.lines().collect();
    for (at, line) in lines.iter().enumerate() {
        let text = line.trim();
        let bullet = text.starts_with("- ");
        if bullet || is_body_row(&lines, at) {
            claims.push(Claim {
                line: at + 1,
                text: text.trim_start_matches("- ").to_owned(),
                references: references(text),
            });
            in_bullet = bullet;
        } else if in_bullet && !text.is_empty() && line.starts_with(' ') {
            if let Some(claim) = claims.last_mut() {
                claim.text.push(' ');
                claim.text.push_str(text);
                claim.references.extend(references(text));
            }
        } else {
            in_bullet = false;
        }
    }
    claims
}

/// Whether line `at` is a row of a table, and neither its header nor the rule below that.
fn is_body_row(lines: &[&str], at: usize) -> bool {
    let is_rule_at = |at: usize| lines.get(at).is_some_and(|line| is_rule(line.trim()));
    lines[at].trim().starts_with('|') && !is_rule_at(at) && !is_rule_at(at + 1)
}

fn is_rule(row: &str) -> bool {
    row.starts_with('|') && row.contains('-') && row.chars().all(|sign| "|-: ".contains(sign))
}

/// The backticked words of `text` that have the form of a reference.
fn references(text: &str) -> Vec<String> {
    let quoted = text.split('`').skip(1).step_by(2);
    quoted
        .filter(|word| KINDS.iter().any(|kind| word.starts_with(kind)))
        .map(str::to_owned)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(page: &str) -> Vec<(usize, Vec<String>)> {
        let claims = claims(page).into_iter();
        claims.map(|claim| (claim.line, claim.references)).collect()
    }

    #[test]
    fn every_bullet_is_a_claim() {
        let page = "# Title\n\nProse.\n- one `test:a::b`\n- two, `scenario:c` and `step:fmt`\n";

        assert_eq!(
            found(page),
            [
                (4, vec!["test:a::b".to_owned()]),
                (5, vec!["scenario:c".to_owned(), "step:fmt".to_owned()]),
            ]
        );
    }

    #[test]
    fn a_bullet_goes_on_over_indented_lines() {
        let page = "- one that is\n  long `bench:add`\n\nProse with `test:not::this`.\n";

        assert_eq!(found(page), [(1, vec!["bench:add".to_owned()])]);
    }

    #[test]
    fn a_bullet_within_a_bullet_is_a_claim_of_its_own() {
        assert_eq!(
            found("- outer `step:build`\n  - inner\n"),
            [(1, vec!["step:build".to_owned()]), (2, vec![])]
        );
    }

    #[test]
    fn rows_are_claims_but_not_the_header_and_its_rule() {
        let page = "| what | shown by |\n|:---|---:|\n| one | `scenario:x` |\n| two | |\n";

        assert_eq!(
            found(page),
            [(3, vec!["scenario:x".to_owned()]), (4, vec![])]
        );
    }

    #[test]
    fn other_backticked_words_are_no_evidence() {
        assert_eq!(found("- see `netctl` and `protest:x`\n"), [(1, vec![])]);
    }

    #[test]
    fn open_failed_and_missing_evidence_is_told_apart() {
        let dir = std::env::temp_dir().join(format!("trunkline-coverage-{}", std::process::id()));
        fs::create_dir_all(&dir).unwrap();
        fs::write(
            dir.join("page.md"),
            "- open\n- good `step:fmt`\n- bad `scenario:bad`\n- gone `test:gone`\n",
        )
        .unwrap();

        let complaints = complaints(&dir, |reference| match reference {
            "step:fmt" => Some(true),
            "scenario:bad" => Some(false),
            _ => None,
        });

        fs::remove_dir_all(&dir).unwrap();
        assert_eq!(
            complaints.unwrap(),
            [
                "docs/coverage/page.md:1: nothing shows: open",
                "docs/coverage/page.md:3: `scenario:bad` failed",
                "docs/coverage/page.md:4: `test:gone` did not run",
            ]
        );
    }
}

//! What a test run comes to: time budgets, coverage, and a last line that counts.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context;
use trunkline_outcome::Outcome;

use super::check::TESTS;
use super::steps::Step;
use super::test_log::{self, UnitTest};
use super::workspace::Workspace;
use super::{control, coverage};

/// Group, and the minutes it may take on a default CI machine (2 cores, emulation).
const BUDGETS: [(&str, u64); 12] = [
    ("build", 20),
    ("check", 8),
    ("skeleton", 4),
    ("netmaster", 7),
    ("netctl", 3),
    ("cni", 6),
    ("agent", 5),
    ("proxy", 5),
    ("deploy", 2),
    ("lab", 3),
    ("bench", 3),
    // To be raised when a group is added that does not fit.
    (WHOLE, 45),
];

/// The whole run: set-up, every group, and the lab's own rehearsals.
const WHOLE: &str = "whole run";

/// What ran, and what is wrong beyond that.
#[derive(Debug, Default)]
pub(super) struct Report {
    build: Option<Step>,
    checks: Vec<Step>,
    tests: Vec<UnitTest>,
    scenarios: Vec<Outcome>,
    /// Steps about the lab itself, and whether they passed.
    own_steps: Vec<(&'static str, bool)>,
    /// Failures that are not those of one test: a budget, an open claim, a machine that died.
    complaints: Vec<String>,
}

impl Report {
    /// A report of a run with a filter: scenarios only.
    pub(super) fn of_scenarios() -> Self {
        Self::default()
    }

    /// A report of a full run, after its steps outside the virtual machine.
    pub(super) fn of_everything(build: Step, checks: Vec<Step>) -> anyhow::Result<Self> {
        let mut tests = Vec::new();
        for step in checks.iter().filter(|step| step.name == TESTS) {
            tests = test_log::parse(&step.output()?);
        }
        Ok(Self {
            build: Some(build),
            checks,
            tests,
            ..Self::default()
        })
    }

    /// Adds what `who` reported in `file`, given how it ended.
    pub(super) fn add_scenarios(
        &mut self,
        file: &Path,
        who: &str,
        ended: anyhow::Result<u8>,
    ) -> anyhow::Result<()> {
        let scenarios = results(file)?;
        let failed = scenarios.iter().any(|scenario| !scenario.passed);
        match ended {
            Err(error) => self.complaints.push(format!("{error:#}")),
            Ok(code) if code != 0 && !failed => self.complaints.push(format!(
                "{who} ended with exit code {code}, though no scenario failed"
            )),
            Ok(_) if scenarios.is_empty() => self.complaints.push(format!("{who} ran no scenario")),
            Ok(_) => {}
        }
        self.scenarios.extend(scenarios);
        Ok(())
    }

    /// Fails if nothing ran at all.
    pub(super) fn expect_scenarios(&mut self, filter: Option<&str>) {
        if self.scenarios.is_empty() && self.complaints.is_empty() {
            self.complaints.push(match filter {
                Some(filter) => {
                    format!("no scenario's name contains `{filter}`, and no group is called so")
                }
                None => "no scenario ran".to_owned(),
            });
        }
    }

    /// Adds a step about the lab itself.
    pub(super) fn add_step(&mut self, name: &'static str, outcome: anyhow::Result<()>) {
        self.own_steps.push((name, outcome.is_ok()));
        if let Err(error) = outcome {
            println!("{name}: {error:#}");
        }
    }

    /// Prints minutes per group beside its budget, and of the whole run; above it is a failure.
    pub(super) fn hold_to_budgets(&mut self, whole: Duration) {
        println!("\n{:<12} {:>8} {:>8}", "group", "minutes", "budget");
        for (group, took) in self.groups().into_iter().chain([(WHOLE.to_owned(), whole)]) {
            let minutes = took.as_secs_f64() / 60.0;
            let budget = budget(&group);
            let allowed =
                budget.map_or("-".to_owned(), |budget| (budget.as_secs() / 60).to_string());
            println!("{group:<12} {minutes:>8.1} {allowed:>8}");
            if budget.is_some_and(|budget| took > budget) {
                self.complaints.push(format!(
                    "group `{group}` took {minutes:.1} minutes of {allowed}; make it faster, or move what \
                     is longest to --long"
                ));
            }
        }
    }

    /// Holds the coverage pages against what ran.
    pub(super) fn hold_to_coverage(&mut self, workspace: &Workspace) -> anyhow::Result<()> {
        let dir = workspace.root().join("docs/coverage");
        let complaints = coverage::complaints(&dir, |reference| self.shown(reference))?;
        self.complaints.extend(complaints);
        Ok(())
    }

    /// Prints what failed and, last, the count.
    pub(super) fn conclude(self) -> ExitCode {
        let results: Vec<_> = self.results().collect();
        let passed = results.iter().filter(|(_, passed)| *passed).count();
        let failed = results.len() - passed + self.complaints.len();
        println!();
        for (name, _) in results.iter().filter(|(_, passed)| !passed) {
            let message = self
                .scenarios
                .iter()
                .find(|scenario| name.ends_with(&scenario.name));
            match message.and_then(|scenario| scenario.message.as_deref()) {
                Some(message) => println!("FAILED {name}: {message}"),
                None => println!("FAILED {name}"),
            }
        }
        for complaint in &self.complaints {
            println!("FAILED {complaint}");
        }
        println!("{passed} passed, {failed} failed");
        if failed == 0 {
            ExitCode::SUCCESS
        } else {
            ExitCode::FAILURE
        }
    }

    /// Everything that ran, under the name that the coverage pages use, and whether it passed.
    fn results(&self) -> impl Iterator<Item = (String, bool)> {
        let steps = self.build.iter().chain(&self.checks);
        let steps = steps.map(|step| (format!("step:{}", step.name), step.passed));
        let tests = self.tests.iter();
        let tests = tests.map(|test| (format!("test:{}", test.name), test.passed));
        let scenarios = self.scenarios.iter().map(|scenario| {
            let kind = if scenario.group == "bench" {
                "bench"
            } else {
                "scenario"
            };
            (format!("{kind}:{}", scenario.name), scenario.passed)
        });
        let own_steps = self.own_steps.iter();
        let own_steps = own_steps.map(|(name, passed)| (format!("step:{name}"), *passed));
        steps.chain(tests).chain(scenarios).chain(own_steps)
    }

    /// Whether what `reference` names passed, every time that it ran; none where it did not run.
    fn shown(&self, reference: &str) -> Option<bool> {
        let named = self.results().filter(|(name, _)| name == reference);
        named
            .map(|(_, passed)| passed)
            .reduce(|all, one| all && one)
    }

    /// Time per group, in the order in which they ran.
    fn groups(&self) -> Vec<(String, Duration)> {
        let build = self.build.iter().map(|step| ("build", step.took));
        let checks = self.checks.iter().map(|step| ("check", step.took));
        let scenarios = self.scenarios.iter().map(|scenario| {
            let took = Duration::try_from_secs_f64(scenario.seconds).unwrap_or_default();
            (scenario.group.as_str(), took)
        });
        let mut groups: Vec<(String, Duration)> = Vec::new();
        for (group, took) in build.chain(checks).chain(scenarios) {
            match groups.iter_mut().find(|(name, _)| name == group) {
                Some((_, total)) => *total += took,
                None => groups.push((group.to_owned(), took)),
            }
        }
        groups
    }
}

/// Removes the results of an earlier run, so that they cannot pass for this one's.
pub(super) fn forget_scenarios(workspace: &Workspace) -> anyhow::Result<()> {
    for file in [guest_results(workspace), control::results_file(workspace)] {
        match fs::remove_file(file) {
            Err(error) if error.kind() != ErrorKind::NotFound => {
                return Err(error).context("cannot remove an earlier run's results");
            }
            _ => {}
        }
    }
    Ok(())
}

fn results(file: &Path) -> anyhow::Result<Vec<Outcome>> {
    let cannot = || format!("cannot read the results in `{}`", file.display());
    match fs::read(file) {
        Ok(json) => serde_json::from_slice(&json).with_context(cannot),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(Vec::new()),
        Err(error) => Err(error).with_context(cannot),
    }
}

/// Where the guest leaves how its scenarios went.
pub(super) fn guest_results(workspace: &Workspace) -> PathBuf {
    workspace.lab_dir().join("results.json")
}

fn budget(group: &str) -> Option<Duration> {
    let (_, minutes) = BUDGETS.iter().find(|(name, _)| *name == group)?;
    Some(Duration::from_secs(minutes * 60))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scenario(group: &str, name: &str, passed: bool, seconds: f64) -> Outcome {
        Outcome {
            group: group.into(),
            name: name.into(),
            passed,
            seconds,
            message: None,
        }
    }

    fn report(scenarios: Vec<Outcome>) -> Report {
        Report {
            scenarios,
            ..Report::default()
        }
    }

    #[test]
    fn a_group_above_its_budget_is_a_failure() {
        let mut report = report(vec![
            scenario("deploy", "a", true, 70.0),
            scenario("deploy", "b", true, 70.0),
            scenario("proxy", "c", true, 70.0),
        ]);

        report.hold_to_budgets(Duration::from_secs(46 * 60));

        assert_eq!(report.complaints.len(), 2);
        assert!(report.complaints[0].starts_with("group `deploy` took 2.3 minutes of 2"));
        assert!(report.complaints[1].starts_with("group `whole run` took 46.0 minutes of 45"));
    }

    #[test]
    fn a_half_that_ends_badly_or_does_nothing_is_a_failure() {
        let nowhere = Path::new("/nowhere/results.json");
        for ended in [Ok(0), Ok(1), Err(anyhow::anyhow!("it burnt"))] {
            let mut report = Report::default();
            report.add_scenarios(nowhere, "the guest", ended).unwrap();
            report.expect_scenarios(None);
            assert_eq!(report.complaints.len(), 1, "{report:?}");
        }
    }

    #[test]
    fn a_filter_that_matches_nothing_is_a_failure() {
        let mut report = Report::default();
        report.expect_scenarios(Some("x::"));
        assert!(report.complaints[0].contains("`x::`"), "{report:?}");
    }

    #[test]
    fn a_scenario_is_evidence_only_if_it_passed_each_time() {
        let report = report(vec![
            scenario("cni", "good", true, 1.0),
            scenario("cni", "flaky", true, 1.0),
            scenario("cni", "flaky", false, 1.0),
        ]);

        assert_eq!(report.shown("scenario:good"), Some(true));
        assert_eq!(report.shown("scenario:flaky"), Some(false));
        assert_eq!(report.shown("scenario:gone"), None);
    }

    #[test]
    fn a_bench_is_not_a_scenario() {
        let report = report(vec![scenario("bench", "add", true, 1.0)]);

        assert_eq!(report.shown("bench:add"), Some(true));
        assert_eq!(report.shown("scenario:add"), None);
    }
}

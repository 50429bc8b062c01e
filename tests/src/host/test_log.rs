//! Reads what `cargo test` prints.
//!
//! ```text
//!      Running unittests src/lib.rs (target/debug/deps/trunkline_types-3d1c5ba0e8a7f6d2)
//! test vlan::tests::only_1_to_4094_are_vlan_ids ... ok
//!    Doc-tests trunkline_types
//! test ipam/types/src/vlan.rs - vlan::VlanId (line 12) ... ok
//! ```

/// A unit, integration or documentation test that ran.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct UnitTest {
    /// The test executable, then the test's path in it: `trunkline_types::vlan::tests::…`.
    pub(super) name: String,
    /// Whether it ended well.
    pub(super) passed: bool,
}

/// The tests that ran according to `log`; ignored ones did not.
pub(super) fn parse(log: &str) -> Vec<UnitTest> {
    let mut executable = "";
    let mut tests = Vec::new();
    for line in log.lines() {
        if let Some(name) = executable_of(line) {
            executable = name;
        } else if let Some((path, passed)) = result_of(line) {
            tests.push(UnitTest {
                name: format!("{executable}::{path}"),
                passed,
            });
        }
    }
    tests
}

/// Which executable's tests follow, if `line` says so.
fn executable_of(line: &str) -> Option<&str> {
    let line = line.trim();
    if let Some(package) = line.strip_prefix("Doc-tests ") {
        return Some(package);
    }
    let (_, path) = line.strip_prefix("Running ")?.split_once(" (")?;
    let file = path.strip_suffix(')')?.rsplit('/').next()?;
    let (name, _hash) = file.rsplit_once('-')?;
    Some(name)
}

fn result_of(line: &str) -> Option<(&str, bool)> {
    let (path, result) = line.strip_prefix("test ")?.rsplit_once(" ... ")?;
    let path = path.strip_suffix(" - should panic").unwrap_or(path);
    match result.trim() {
        "ok" => Some((path, true)),
        "FAILED" => Some((path, false)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ran(name: &str, passed: bool) -> UnitTest {
        UnitTest {
            name: name.into(),
            passed,
        }
    }

    #[test]
    fn tests_belong_to_the_executable_announced_before_them() {
        let log = "\
     Running unittests src/lib.rs (target/debug/deps/trunkline_types-3d1c5ba0e8a7f6d2)

running 2 tests
test vlan::tests::zero_is_refused ... ok
test vlan::tests::panics - should panic ... FAILED

     Running tests/architecture.rs (/x/target/debug/deps/architecture-0a1b)
test no_crate_knows_its_user ... ok
   Doc-tests trunkline_types
test ipam/types/src/vlan.rs - vlan::VlanId (line 12) ... ok
";

        assert_eq!(
            parse(log),
            [
                ran("trunkline_types::vlan::tests::zero_is_refused", true),
                ran("trunkline_types::vlan::tests::panics", false),
                ran("architecture::no_crate_knows_its_user", true),
                ran(
                    "trunkline_types::ipam/types/src/vlan.rs - vlan::VlanId (line 12)",
                    true
                ),
            ]
        );
    }

    #[test]
    fn an_ignored_test_did_not_run() {
        assert_eq!(parse("test slow ... ignored, takes an hour\n"), []);
    }

    #[test]
    fn the_summary_is_no_test() {
        assert_eq!(
            parse("test result: ok. 3 passed; 0 failed; 0 ignored\n"),
            []
        );
    }
}

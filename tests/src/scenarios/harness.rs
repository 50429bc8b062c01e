//! The lab itself: what it promises to those who write scenarios.

use trunkline_outcome::MIN_PAIRS;

use super::{Context, Scenario};
use crate::lab::write_diagnosis;
use crate::{benches, demo};

/// The scenarios of this file.
pub const ALL: &[Scenario] = &[
    Scenario::new(
        "lab",
        "harness::a_failure_leaves_its_evidence",
        a_failure_leaves_its_evidence,
    ),
    Scenario::new(
        "lab",
        "harness::the_demo_proves_its_claims",
        the_demo_proves_its_claims,
    ),
    Scenario::new("bench", "add", a_bench_keeps_the_output_contract),
];

fn a_failure_leaves_its_evidence(context: &mut Context) -> anyhow::Result<()> {
    let lab = context.one_rack()?;
    let ip = lab.start_pod("b1", "node1", "blue")?.to_string();
    let dir = std::env::temp_dir().join("evidence");
    write_diagnosis(Some(lab), "it rained", &dir)?;
    for (file, part) in [
        ("failure.txt", "it rained"),
        ("node1.links.txt", "eth1"),
        ("pod-b1.links.txt", &ip),
        ("pod-b1.routes.txt", "default via 10.1.0.254"),
        ("tor-r1.neighbours.txt", ""),
        ("node1.conntrack.txt", "flow entries"),
        ("node1.ovs.txt", "Bridge br-trunk"),
        ("node1.flows.txt", "NORMAL"),
        ("netmaster.endpoints.yaml", &ip),
        ("netmaster.log", ""),
        ("node1.netplugin.log", "ready for CNI calls"),
        ("node1.ovs-vswitchd.log", "br-trunk"),
    ] {
        let text =
            std::fs::read_to_string(dir.join(file)).unwrap_or_else(|error| error.to_string());
        anyhow::ensure!(dir.join(file).exists(), "{file} is missing");
        anyhow::ensure!(text.contains(part), "{file} does not tell {part}: {text}");
    }
    Ok(())
}

fn the_demo_proves_its_claims(context: &mut Context) -> anyhow::Result<()> {
    let lab = context.one_rack()?;
    // The demo makes the networks itself.
    lab.configure(&[
        "subnet rm blue-r1",
        "subnet rm green-r1",
        "network rm blue",
        "network rm green",
    ])?;
    demo::run(false, || Ok(lab))
}

fn a_bench_keeps_the_output_contract(context: &mut Context) -> anyhow::Result<()> {
    let lines = benches::measure("add", MIN_PAIRS, context)?;
    anyhow::ensure!(
        lines.len() >= 2,
        "ADD and DEL are measured, got {} lines",
        lines.len()
    );
    for line in &lines {
        let json = serde_json::to_value(line)?;
        let fields = [
            "bench",
            "case",
            "ours",
            "other",
            "other_name",
            "unit",
            "ratio",
            "iqr",
            "goal",
            "met",
        ];
        for field in fields {
            anyhow::ensure!(!json[field].is_null(), "{field} is missing in {json}");
        }
        anyhow::ensure!(
            json["ours"].as_f64() > Some(0.0),
            "nothing was measured: {json}"
        );
    }
    Ok(())
}

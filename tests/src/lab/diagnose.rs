//! What a failed scenario leaves for its reader.

use std::fs;
use std::path::Path;

use super::command::Invocation;
use super::topology::Lab;

/// Writes what the lab looks like now into `dir`: links, addresses, routes and conntrack of every
/// namespace, `ovs-vsctl show` and flows of every node, netmaster's objects, and all logs.
///
/// A part that cannot be read says so in its file; the rest is written all the same.
///
/// # Errors
///
/// `dir` cannot be written.
pub fn write_diagnosis(lab: Option<&Lab>, failure: &str, dir: &Path) -> anyhow::Result<()> {
    fs::create_dir_all(dir)?;
    fs::write(dir.join("failure.txt"), failure)?;
    let note = |name: &str, invocation: Invocation| {
        let text = match invocation.run() {
            Ok(finished) => format!("{}{}", finished.stdout, finished.stderr),
            Err(error) => format!("{error:#}\n"),
        };
        fs::write(dir.join(name), text)
    };
    note("kernel.log", Invocation::new("dmesg"))?;
    for netns in namespaces() {
        let ip = |what: &[&str]| {
            Invocation::new("ip")
                .args(["-n", &netns])
                .args(what.to_vec())
        };
        note(
            &format!("{netns}.links.txt"),
            ip(&["-details", "-statistics", "addr"]),
        )?;
        note(
            &format!("{netns}.routes.txt"),
            ip(&["route", "show", "table", "all"]),
        )?;
        note(&format!("{netns}.neighbours.txt"), ip(&["neigh"]))?;
        let path = Path::new("/run/netns").join(&netns);
        let conntrack = Invocation::new("conntrack").args(["-L"]).in_netns(&path);
        note(&format!("{netns}.conntrack.txt"), conntrack)?;
    }
    copy_logs(Path::new(super::RUN_DIR), "", dir)?;
    let Some(lab) = lab else { return Ok(()) };
    for node in lab.nodes() {
        let name = node.name();
        let show = node
            .vsctl(&["show"])
            .unwrap_or_else(|error| format!("{error:#}\n"));
        fs::write(dir.join(format!("{name}.ovs.txt")), show)?;
        let flows = node.ofctl(&["dump-flows", super::node::BRIDGE]);
        let flows = flows.unwrap_or_else(|error| format!("{error:#}\n"));
        fs::write(dir.join(format!("{name}.flows.txt")), flows)?;
    }
    for noun in ["network", "subnet", "node", "endpoint"] {
        let objects = lab.netmaster().netctl(&[noun, "ls", "-o", "yaml"]);
        let objects = objects.unwrap_or_else(|error| format!("{error:#}\n"));
        fs::write(dir.join(format!("netmaster.{noun}s.yaml")), objects)?;
    }
    Ok(())
}

fn namespaces() -> Vec<String> {
    let entries = fs::read_dir("/run/netns").into_iter().flatten().flatten();
    entries
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
        .collect()
}

/// Copies every `*.log` below `from`; a log of a node is named after it.
fn copy_logs(from: &Path, prefix: &str, to: &Path) -> anyhow::Result<()> {
    for entry in fs::read_dir(from)? {
        let path = entry?.path();
        let Some(name) = path
            .file_name()
            .map(|name| name.to_string_lossy().into_owned())
        else {
            continue;
        };
        if path.is_dir() {
            // The lab's own directory is not worth a prefix, and the evidence not copying.
            let inner = if name == "current" {
                String::new()
            } else {
                format!("{prefix}{name}.")
            };
            copy_logs(&path, &inner, to)?;
        } else if name.ends_with(".log") {
            fs::copy(&path, to.join(format!("{prefix}{name}")))?;
        }
    }
    Ok(())
}

//! What the kernel boots into: busybox, the modules that reach the host's files, and two small scripts.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, ensure};

use super::cpio::Archive;
use super::kernel::Kernel;
use super::machine::{Guest, Terminal};
use super::packages::BUSYBOX;
use super::workspace::Workspace;

/// Modules the scripts need; what these depend on comes with them.
const MODULES: [&str; 4] = ["virtio_pci", "virtiofs", "overlay", "virtio_console"];

/// Places that start out empty in the guest: the host's sockets, databases and plugins are not the
/// guest's. (Nothing written anywhere else reaches the host either, see `init.sh`.)
const FRESH: [&str; 10] = [
    "/run",
    "/tmp",
    "/dev/shm",
    "/etc/cni",
    "/etc/openvswitch",
    "/opt/cni",
    "/var/lib/cni",
    "/var/lib/openvswitch",
    "/var/lib/trunkline",
    "/var/log",
];

/// PATH of the guest: the same on every host.
const GUEST_PATH: &str = "/usr/sbin:/usr/bin:/sbin:/bin";

/// Host variables that the guest gets too.
const PASSED_ON: [&str; 5] = ["CI", "LAB_KEEP", "RUST_BACKTRACE", "RUST_LOG", "TERM"];

/// Writes the initramfs for one run to `path`.
pub(super) fn write(
    path: &Path,
    workspace: &Workspace,
    kernel: &Kernel,
    guest: &Guest<'_>,
) -> anyhow::Result<()> {
    let mut archive = Archive::default();
    for directory in [
        "bin", "dev", "proc", "sys", "lower", "upper", "newroot", "modules",
    ] {
        archive.directory(directory);
    }
    let busybox = BUSYBOX.find().context("the static busybox has gone")?;
    archive.file(
        "bin/busybox",
        &fs::read(&busybox).context("cannot read busybox")?,
    );
    archive.file("init", include_bytes!("initramfs/init.sh"));
    archive.file("root.sh", include_bytes!("initramfs/root.sh"));
    archive.file("settings", settings(workspace, kernel, guest)?.as_bytes());
    archive.file("pinned", pinned(workspace)?.as_bytes());
    let mut order = String::new();
    for module in modules(kernel)? {
        let name = bare_name(&module)?;
        archive.file(&format!("modules/{name}"), &decompressed(&module)?);
        order.push_str(&name);
        order.push('\n');
    }
    archive.file("modules/order", order.as_bytes());
    fs::write(path, archive.finish()).with_context(|| format!("cannot write `{}`", path.display()))
}

/// Shell assignments that tell the scripts about this run; all of them are the guest's environment too.
fn settings(workspace: &Workspace, kernel: &Kernel, guest: &Guest<'_>) -> anyhow::Result<String> {
    let (lines, columns) = guest.terminal.size();
    let mut variables: Vec<(&str, String)> = PASSED_ON
        .iter()
        .filter_map(|name| Some((*name, std::env::var(name).ok()?)))
        .collect();
    variables.extend([
        ("HOME", "/root".to_owned()),
        ("LAB_DIR", text(&workspace.lab_dir())?),
        ("LAB_EXECUTABLE", text(workspace.executable())?),
        ("LAB_FRESH", FRESH.join(" ")),
        ("LAB_KERNEL", kernel.release().to_owned()),
        ("LAB_MODULES", text(&kernel.modules())?),
        ("LAB_PATH", GUEST_PATH.to_owned()),
        ("LAB_EXECUTABLES", text(&workspace.executables())?),
        ("LAB_WORKSPACE", text(workspace.root())?),
    ]);
    variables.push(match guest.terminal {
        Terminal::Interactive => ("LAB_TERMINAL", "interactive".to_owned()),
        Terminal::Stream => ("LAB_TERMINAL", "stream".to_owned()),
    });
    variables.extend([
        ("LINES", lines.to_string()),
        ("COLUMNS", columns.to_string()),
    ]);
    Ok(variables
        .iter()
        .map(|(name, value)| format!("export {name}={}\n", quoted(value)))
        .collect())
}

/// The directories that must stay visible although they lie under a fresh place, one a line.
fn pinned(workspace: &Workspace) -> anyhow::Result<String> {
    let executables = workspace.executable().parent().unwrap_or(Path::new("/"));
    let hidden: BTreeSet<&Path> = [workspace.root(), workspace.target(), executables]
        .into_iter()
        .filter(|path| FRESH.iter().any(|fresh| path.starts_with(fresh)))
        .collect();
    let mut lines = String::new();
    for path in outermost(&hidden) {
        lines.push_str(&text(path)?);
        lines.push('\n');
    }
    Ok(lines)
}

/// Those of `paths` that lie in no other of them.
fn outermost<'a>(paths: &BTreeSet<&'a Path>) -> Vec<&'a Path> {
    let inside = |path: &Path| {
        paths
            .iter()
            .any(|other| *other != path && path.starts_with(other))
    };
    paths.iter().copied().filter(|path| !inside(path)).collect()
}

/// Files of [`MODULES`] and what they depend on, in the order to load them.
fn modules(kernel: &Kernel) -> anyhow::Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for module in MODULES {
        let output = Command::new("modprobe")
            .arg("-d")
            .arg(kernel.tree())
            .args(["-S", kernel.release(), "--show-depends", module])
            .output()
            .context("cannot run `modprobe`")?;
        ensure!(
            output.status.success(),
            "kernel {} has no module `{module}`: {}",
            kernel.release(),
            String::from_utf8_lossy(&output.stderr).trim()
        );
        // What is built in is listed as `builtin` and needs no loading.
        let listed = String::from_utf8_lossy(&output.stdout).into_owned();
        for file in listed
            .lines()
            .filter_map(|line| line.strip_prefix("insmod "))
        {
            let file = PathBuf::from(file.trim());
            if !files.contains(&file) {
                files.push(file);
            }
        }
    }
    Ok(files)
}

/// `virtiofs.ko` for `…/virtiofs.ko`, `…/virtiofs.ko.xz` and so on.
fn bare_name(module: &Path) -> anyhow::Result<String> {
    let name = module
        .file_name()
        .and_then(|name| name.to_str())
        .with_context(|| format!("`{}` is no module", module.display()))?;
    let stem = name.split_once(".ko").map_or(name, |(stem, _)| stem);
    Ok(format!("{stem}.ko"))
}

/// A module's bytes as busybox's `insmod` takes them. Debian 12 does not compress modules; others do.
fn decompressed(module: &Path) -> anyhow::Result<Vec<u8>> {
    let tool = match module.extension().and_then(|extension| extension.to_str()) {
        Some("xz") => "xz",
        Some("zst") => "zstd",
        _ => {
            return fs::read(module).with_context(|| format!("cannot read `{}`", module.display()));
        }
    };
    let output = Command::new(tool)
        .arg("-dc")
        .arg(module)
        .output()
        .with_context(|| format!("cannot run `{tool}` to unpack `{}`", module.display()))?;
    ensure!(
        output.status.success(),
        "`{tool} -dc {}` failed",
        module.display()
    );
    Ok(output.stdout)
}

fn text(path: &Path) -> anyhow::Result<String> {
    path.to_str()
        .map(str::to_owned)
        .with_context(|| format!("`{}` is not UTF-8; move the checkout", path.display()))
}

/// Quotes for a POSIX shell.
fn quoted(value: &str) -> String {
    format!("'{}'", value.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quote_in_a_path_does_not_end_the_shell_word() {
        assert_eq!(quoted("it's"), r"'it'\''s'");
    }

    #[test]
    fn a_compressed_module_loses_its_second_suffix() {
        let name = bare_name(Path::new("/lib/modules/fuse.ko.zst")).unwrap();

        assert_eq!(name, "fuse.ko");
    }

    #[test]
    fn only_the_outermost_directories_are_pinned() {
        let paths = BTreeSet::from([
            Path::new("/tmp/x"),
            Path::new("/tmp/x/target"),
            Path::new("/tmp/y"),
        ]);

        assert_eq!(
            outermost(&paths),
            [Path::new("/tmp/x"), Path::new("/tmp/y")]
        );
    }
}

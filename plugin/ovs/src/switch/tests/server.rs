//! A real ovsdb-server and ovs-vswitchd in a folder of their own.

use std::io;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::switch::OvsdbSwitch;

const SCHEMA: &str = "/usr/share/openvswitch/vswitch.ovsschema";
const DEADLINE: Duration = Duration::from_secs(10);

/// Both processes; they end, and their folder goes, with the value.
pub(super) struct Server {
    database: Child,
    vswitchd: Child,
    folder: TempDir,
}

impl Server {
    pub(super) fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let created = command("ovsdb-tool", &folder)
            .args(["create", "conf.db", SCHEMA])
            .status()
            .unwrap_or_else(|error| missing("ovsdb-tool", &error));
        assert!(
            created.success(),
            "ovsdb-tool cannot make a database of {SCHEMA}"
        );
        let database = start_database(&folder);
        let vswitchd = command("ovs-vswitchd", &folder)
            .args(["--enable-dummy=override", "--disable-system"])
            .arg(format!("unix:{}", socket(&folder).display()))
            .spawn()
            .unwrap_or_else(|error| missing("ovs-vswitchd", &error));
        let server = Self {
            database,
            vswitchd,
            folder,
        };
        // Makes the one row of table Open_vSwitch.
        let init = command("ovs-vsctl", &server.folder)
            .arg(format!("--db=unix:{}", socket(&server.folder).display()))
            .args(["--no-wait", "init"])
            .status()
            .unwrap_or_else(|error| missing("ovs-vsctl", &error));
        assert!(init.success(), "ovs-vsctl cannot initialise the database");
        server
    }

    pub(super) async fn switch(&self) -> OvsdbSwitch {
        OvsdbSwitch::connect(&socket(&self.folder), DEADLINE)
            .await
            .unwrap()
    }

    /// Kills the database server and starts it again on the same file.
    pub(super) fn restart_database(&mut self) {
        end(&mut self.database);
        self.database = start_database(&self.folder);
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        end(&mut self.vswitchd);
        end(&mut self.database);
    }
}

fn start_database(folder: &TempDir) -> Child {
    let socket = socket(folder);
    let _ = std::fs::remove_file(&socket);
    let child = command("ovsdb-server", folder)
        .arg(format!("--remote=punix:{}", socket.display()))
        .arg("conf.db")
        .spawn()
        .unwrap_or_else(|error| missing("ovsdb-server", &error));
    let start = Instant::now();
    while std::os::unix::net::UnixStream::connect(&socket).is_err() {
        assert!(
            start.elapsed() < DEADLINE,
            "ovsdb-server does not listen at {socket:?}"
        );
        sleep(Duration::from_millis(5));
    }
    child
}

fn socket(folder: &TempDir) -> PathBuf {
    folder.path().join("db.sock")
}

fn command(program: &str, folder: &TempDir) -> Command {
    let mut command = Command::new(program);
    // `sbin` is not on every developer's path.
    let path = std::env::var("PATH").unwrap_or_default();
    command
        .current_dir(folder.path())
        .env("PATH", format!("{path}:/usr/sbin:/sbin"))
        .env("OVS_RUNDIR", folder.path())
        .env("OVS_LOGDIR", folder.path())
        .env("OVS_DBDIR", folder.path())
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    command
}

fn missing(program: &str, error: &io::Error) -> ! {
    panic!("cannot run {program}: {error}; install openvswitch-switch, as `cargo lab check` does")
}

fn end(child: &mut Child) {
    let _ = child.kill();
    let _ = child.wait();
}

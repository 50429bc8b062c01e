//! Prints a bridge as its database shows it:
//! `cargo run -p trunkline-ovs --example show -- br-trunk [/run/openvswitch/db.sock]`

use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use trunkline_ovs::{OvsdbSwitch, Switch, SwitchError};

const DEADLINE: Duration = Duration::from_secs(5);

#[expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "printing is what it is for"
)]
#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let mut args = std::env::args().skip(1);
    let Some(name) = args.next() else {
        eprintln!("usage: show <bridge> [<socket of ovsdb-server>]");
        return ExitCode::FAILURE;
    };
    let socket = args
        .next()
        .unwrap_or_else(|| "/run/openvswitch/db.sock".to_owned());
    match show(Path::new(&socket), &name).await {
        Ok(text) => {
            println!("{text}");
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

async fn show(socket: &Path, name: &str) -> Result<String, SwitchError> {
    let switch = OvsdbSwitch::connect(socket, DEADLINE).await?;
    Ok(match switch.bridge(name).await? {
        Some(bridge) => format!("{bridge:#?}"),
        None => format!("there is no bridge `{name}`"),
    })
}

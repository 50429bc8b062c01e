//! Prints a link of a network namespace with its addresses and default gateways:
//! `cargo run -p trunkline-netlink --example links -- eth0 [/run/netns/blue]`

use std::path::Path;
use std::process::ExitCode;

use trunkline_netlink::{LinkError, Links, Netns};

#[expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "printing is what it is for"
)]
#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let mut args = std::env::args().skip(1);
    let (Some(name), netns) = (args.next(), args.next()) else {
        eprintln!("usage: links <link> [<path of a network namespace>]");
        return ExitCode::FAILURE;
    };
    match show(&name, netns.as_deref()).await {
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

async fn show(name: &str, netns: Option<&str>) -> Result<String, LinkError> {
    let links = match netns {
        Some(path) => Links::in_netns(&Netns::open(Path::new(path))?)?,
        None => Links::here()?,
    };
    let Some(link) = links.link(name).await? else {
        return Ok(format!("there is no link `{name}`"));
    };
    let addresses = links.addresses(link.index).await?;
    let gateways = links.default_gateways(link.index).await?;
    Ok(format!(
        "{link:#?}\naddresses: {addresses:?}\ndefault gateways: {gateways:?}"
    ))
}

//! `cni-floor`: the least that a CNI plugin on Open vSwitch must do, for the bench `add`.
//!
//! It issues the netlink calls and the OVSDB transaction of an ADD or DEL with fixed values: no
//! agent, no allocation, no look at what is there already, no undo. It is a yardstick and no
//! plugin.
//!
//! Usage: `cni-floor ADD|DEL <netns path> <ovsdb socket>`

use std::error::Error;
use std::net::Ipv4Addr;
use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use trunkline_netlink::{Links, Netns, Veth, announce};
use trunkline_ovs::{Action, NewPort, OvsdbSwitch, Switch};
use trunkline_types::{InterfaceName, Mtu};

const LINK: &str = "floor0";
const BRIDGE: &str = "br-trunk";
const DEADLINE: Duration = Duration::from_secs(20);

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let outcome = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(Into::into)
        .and_then(|runtime| runtime.block_on(run(&args)));
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            complain(error.as_ref());
            ExitCode::FAILURE
        }
    }
}

#[expect(clippy::print_stderr, reason = "a command line tool of the bench")]
fn complain(error: &dyn Error) {
    eprintln!("cni-floor: {error}");
}

async fn run(args: &[String]) -> Result<(), Box<dyn Error>> {
    let [verb, netns, ovsdb] = args else {
        return Err("usage: cni-floor ADD|DEL <netns path> <ovsdb socket>".into());
    };
    let switch = OvsdbSwitch::connect(Path::new(ovsdb), DEADLINE).await?;
    match verb.as_str() {
        "ADD" => add(&switch, Path::new(netns)).await,
        "DEL" => del(&switch).await,
        other => Err(format!("`{other}` is neither ADD nor DEL").into()),
    }
}

async fn add(switch: &OvsdbSwitch, netns: &Path) -> Result<(), Box<dyn Error>> {
    let ifname: InterfaceName = "eth0".parse()?;
    let mac = "02:01:0a:01:00:fa".parse()?;
    let (ip, gateway) = (Ipv4Addr::new(10, 1, 0, 250), Ipv4Addr::new(10, 1, 0, 254));
    let netns = Netns::open(netns)?;
    let pod = Links::in_netns(&netns)?;
    let host = Links::here()?;
    host.create_veth(&Veth {
        host: LINK,
        alias: LINK,
        peer: &ifname,
        peer_mac: mac,
        mtu: Mtu::ETHERNET,
        peer_netns: &netns,
    })
    .await?;
    let port = NewPort {
        bridge: BRIDGE.into(),
        name: LINK.into(),
        tag: Some("100".parse()?),
        ofport_request: None,
        external_ids: [("floor".to_owned(), "true".to_owned())].into(),
    };
    let applied = switch.apply(&[Action::AddPort(port)]).await?;
    host.set_up(index(&host, LINK).await?).await?;
    let inside = index(&pod, ifname.as_str()).await?;
    pod.add_address(inside, ip.into(), 24).await?;
    pod.set_up(inside).await?;
    pod.add_default_route(inside, gateway.into()).await?;
    switch.settled(applied, DEADLINE).await?;
    Ok(announce(&netns, &ifname, mac, ip, 1)?)
}

async fn del(switch: &OvsdbSwitch) -> Result<(), Box<dyn Error>> {
    let port = Action::RemovePort {
        bridge: BRIDGE.into(),
        name: LINK.into(),
    };
    switch.apply(&[port]).await?;
    Links::here()?.delete(LINK).await?;
    Ok(())
}

async fn index(links: &Links, name: &str) -> Result<u32, Box<dyn Error>> {
    let link = links.link(name).await?;
    Ok(link
        .ok_or_else(|| format!("there is no link `{name}`"))?
        .index)
}

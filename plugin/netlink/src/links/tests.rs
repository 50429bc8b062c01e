use std::os::fd::AsRawFd;
use std::time::Instant;

use nix::sys::socket::{
    AddressFamily, MsgFlags, SockFlag, SockProtocol, SockType, recv, setsockopt, socket, sockopt,
};
use nix::sys::time::TimeVal;

use super::*;
use crate::{announce, testing};

const MAC: MacAddr = MacAddr::new([0x02, 0x01, 0x0a, 0x01, 0x00, 0x0a]);

/// A node's and a pod's namespace, with sockets in both.
struct Pair {
    host: Netns,
    pod: Netns,
    outside: Links,
    inside: Links,
}

fn pair() -> Option<Pair> {
    let (host, pod) = (testing::netns()?, testing::netns()?);
    let (outside, inside) = (
        Links::in_netns(&host).unwrap(),
        Links::in_netns(&pod).unwrap(),
    );
    Some(Pair {
        host,
        pod,
        outside,
        inside,
    })
}

fn eth0() -> InterfaceName {
    "eth0".parse().unwrap()
}

fn mtu(bytes: i64) -> Mtu {
    Mtu::try_from(bytes).unwrap()
}

impl Pair {
    async fn connect(&self, host: &str) -> Result<(), LinkError> {
        let veth = Veth {
            host,
            alias: "trunkline container/eth0",
            peer: &eth0(),
            peer_mac: MAC,
            mtu: mtu(9000),
            peer_netns: &self.pod,
        };
        self.outside.create_veth(&veth).await
    }

    /// Connected and up on both sides; the index of the inner end.
    async fn up(&self) -> u32 {
        self.connect("tk0").await.unwrap();
        let (host, pod) = (
            self.host_link().await.unwrap(),
            self.pod_link().await.unwrap(),
        );
        self.outside.set_up(host.index).await.unwrap();
        self.inside.set_up(pod.index).await.unwrap();
        pod.index
    }

    async fn host_link(&self) -> Option<Link> {
        self.outside.link("tk0").await.unwrap()
    }

    async fn pod_link(&self) -> Option<Link> {
        self.inside.link("eth0").await.unwrap()
    }
}

#[tokio::test]
async fn a_veth_pair_is_born_with_name_mac_mtu_and_alias_in_place() {
    let Some(pair) = pair() else { return };
    pair.connect("tk0").await.unwrap();
    let (host, pod) = (
        pair.host_link().await.unwrap(),
        pair.pod_link().await.unwrap(),
    );
    assert_eq!(
        (pod.name.as_str(), pod.mac, pod.mtu),
        ("eth0", Some(MAC), 9000)
    );
    assert_eq!((host.name.as_str(), host.mtu), ("tk0", 9000));
    assert_eq!(host.alias.as_deref(), Some("trunkline container/eth0"));
    assert_eq!(
        (host.peer_index, pod.peer_index),
        (Some(pod.index), Some(host.index))
    );
    assert!(!host.up && !pod.up);
    assert_eq!(pair.outside.link("eth0").await.unwrap(), None);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sockets_work_on_a_runtime_of_many_threads_too() {
    let Some(pair) = pair() else { return };
    pair.up().await;
    assert!(pair.host_link().await.unwrap().up && pair.pod_link().await.unwrap().up);
}

#[tokio::test]
async fn a_name_that_is_taken_is_refused_on_either_side() {
    let Some(pair) = pair() else { return };
    pair.connect("tk0").await.unwrap();
    let error = pair.connect("tk0").await.unwrap_err();
    assert!(error.is_exists() && !error.is_not_found(), "{error:?}");
    assert!(error.to_string().contains("`tk0`"), "{error}");
    let error = pair.connect("tk1").await.unwrap_err();
    assert!(error.is_exists(), "{error:?}");
    assert_eq!(
        pair.outside.link("tk1").await.unwrap(),
        None,
        "a refused pair leaves nothing"
    );
}

#[tokio::test]
async fn an_alias_that_the_kernel_refuses_leaves_no_link() {
    let Some(pair) = pair() else { return };
    let alias = "x".repeat(256);
    let veth = Veth {
        host: "tk0",
        alias: &alias,
        peer: &eth0(),
        peer_mac: MAC,
        mtu: Mtu::ETHERNET,
        peer_netns: &pair.pod,
    };
    pair.outside.create_veth(&veth).await.unwrap_err();
    assert_eq!(
        (pair.host_link().await, pair.pod_link().await),
        (None, None)
    );
}

#[tokio::test]
async fn deleting_one_end_takes_the_other_and_again_is_no_change() {
    let Some(pair) = pair() else { return };
    pair.connect("tk0").await.unwrap();
    assert!(pair.outside.delete("tk0").await.unwrap());
    assert_eq!(pair.pod_link().await, None);
    assert!(!pair.outside.delete("tk0").await.unwrap());
}

#[tokio::test]
async fn changing_an_absent_link_is_not_found() {
    let Some(pair) = pair() else { return };
    let error = pair.outside.set_up(4711).await.unwrap_err();
    assert!(error.is_not_found() && !error.is_exists(), "{error:?}");
    assert!(
        error
            .to_string()
            .starts_with("cannot set link 4711 up: it is not there"),
        "{error}"
    );
}

#[tokio::test]
async fn an_address_is_added_once_however_often_it_is_asked_for() {
    let Some(pair) = pair() else { return };
    let index = pair.up().await;
    for text in ["10.1.0.10/24", "fd00::10/64"] {
        let (ip, prefix) = text.split_once('/').unwrap();
        let (ip, prefix) = (ip.parse().unwrap(), prefix.parse().unwrap());
        for _ in 0..2 {
            pair.inside.add_address(index, ip, prefix).await.unwrap();
        }
        let addresses = pair.inside.addresses(index).await.unwrap();
        let count = addresses
            .iter()
            .filter(|address| **address == (ip, prefix))
            .count();
        assert_eq!(count, 1, "{addresses:?}");
    }
}

#[tokio::test]
async fn an_ipv6_address_with_another_prefix_is_not_taken_for_the_same() {
    let Some(pair) = pair() else { return };
    let index = pair.up().await;
    let ip = "fd00::10".parse().unwrap();
    pair.inside.add_address(index, ip, 64).await.unwrap();
    let error = pair.inside.add_address(index, ip, 80).await.unwrap_err();
    assert!(error.is_exists(), "{error:?}");
}

#[tokio::test]
async fn a_default_route_is_added_once_and_another_gateway_is_refused() {
    let Some(pair) = pair() else { return };
    let index = pair.up().await;
    let ip = |text: &str| text.parse::<IpAddr>().unwrap();
    pair.inside
        .add_address(index, ip("10.1.0.10"), 24)
        .await
        .unwrap();
    pair.inside
        .add_address(index, ip("fd00::10"), 64)
        .await
        .unwrap();
    for gateway in [ip("10.1.0.1"), ip("fd00::1")] {
        for _ in 0..2 {
            pair.inside.add_default_route(index, gateway).await.unwrap();
        }
    }
    let gateways = [ip("10.1.0.1"), ip("fd00::1")];
    assert_eq!(pair.inside.default_gateways(index).await.unwrap(), gateways);
    assert_eq!(
        pair.inside.default_gateways(index + 1).await.unwrap(),
        Vec::<IpAddr>::new()
    );
    let error = pair
        .inside
        .add_default_route(index, ip("10.1.0.2"))
        .await
        .unwrap_err();
    assert!(error.is_exists(), "{error:?}");
}

#[tokio::test]
async fn a_gateway_outside_the_subnet_is_refused_with_the_way_out() {
    let Some(pair) = pair() else { return };
    let index = pair.up().await;
    let error = pair
        .inside
        .add_default_route(index, "192.0.2.1".parse().unwrap())
        .await;
    let error = error.unwrap_err().to_string();
    assert!(
        error.contains("`192.0.2.1`") && error.contains("in a subnet of the link"),
        "{error}"
    );
}

#[tokio::test]
async fn an_announcement_comes_out_at_the_other_end() {
    let Some(pair) = pair() else { return };
    pair.up().await;
    let listen = || {
        let everything = Some(SockProtocol::EthAll);
        socket(
            AddressFamily::Packet,
            SockType::Raw,
            SockFlag::SOCK_CLOEXEC,
            everything,
        )
    };
    let listener = pair.host.run(listen).unwrap().unwrap();
    setsockopt(&listener, sockopt::ReceiveTimeout, &TimeVal::new(5, 0)).unwrap();
    let ip = Ipv4Addr::new(10, 1, 0, 10);
    announce(&pair.pod, &eth0(), MAC, ip, 3).unwrap();

    let expected = crate::arp::announcement(MAC, ip);
    let (start, mut seen, mut buffer) = (Instant::now(), 0, [0; 2048]);
    while seen < 3 && start.elapsed() < Duration::from_secs(5) {
        let length = recv(listener.as_raw_fd(), &mut buffer, MsgFlags::empty()).unwrap();
        seen += usize::from(buffer[..length] == expected);
    }
    assert_eq!(seen, 3);
}

#[test]
fn no_runtime_is_an_error() {
    assert!(matches!(
        Links::here().unwrap_err(),
        LinkError::Socket { .. }
    ));
}

//! `netctl endpoint …`

use trunkline_netmaster_api::{Endpoint, EndpointAddress};
use trunkline_types::Attachment;

use super::profile::rate;
use crate::noun::Noun;
use crate::render::{Cell, Column, Shown, joined, or_absent, plain, utc};

impl Noun for Endpoint {
    const NAME: &'static str = "endpoint";
    const PLURAL: &'static str = "endpoints";
    const KEY: (&'static str, &'static str) = (
        "CONTAINER/IFNAME",
        "Its container id and interface name, as `netctl endpoint ls` prints them",
    );
    const FIELDS: &'static [&'static str] = &[
        "attachment",
        "node",
        "network",
        "namespace",
        "pod",
        "address",
        "subnet",
        "mac",
        "profile",
        "reservation",
    ];
    const HAS_LABELS: bool = false;
    // In lists the attachment comes last, because container ids are long.
    const COLUMNS: &'static [Column<Self>] = &[
        Column::new("attachment", Shown::Alone, |one| plain(&one.attachment)),
        Column::new("pod", Shown::Always, |one| or_absent(one.pod.as_ref())),
        Column::new("pod uid", Shown::Alone, |one| {
            or_absent(one.pod_uid.as_ref())
        }),
        Column::new("node", Shown::Always, |one| plain(&one.node)),
        Column::new("network", Shown::Always, |one| plain(&one.network)),
        Column::new("vlan", Shown::Always, |one| plain(one.vlan)),
        Column::new("mtu", Shown::Alone, |one| {
            plain(format!("{} bytes", one.mtu))
        }),
        Column::new("address", Shown::Always, |one| {
            each(one, |address| format!("{}/{}", address.ip, address.prefix))
        }),
        Column::new("mac", Shown::Always, |one| plain(one.mac)),
        Column::new("gateway", Shown::Alone, |one| {
            each(one, |address| address.gateway.to_string())
        }),
        Column::new("subnet", Shown::Wide, |one| {
            each(one, |address| address.subnet.to_string())
        }),
        Column::new("profile", Shown::Wide, |one| {
            or_absent(one.qos.as_ref().map(|qos| &qos.profile))
        }),
        Column::new("ingress", Shown::Alone, |one| {
            rate(one.qos.as_ref().and_then(|qos| qos.ingress))
        }),
        Column::new("egress", Shown::Alone, |one| {
            rate(one.qos.as_ref().and_then(|qos| qos.egress))
        }),
        Column::new("dscp", Shown::Alone, |one| {
            or_absent(one.qos.as_ref().and_then(|qos| qos.dscp.as_ref()))
        }),
        Column::new("reservation", Shown::Wide, |one| {
            or_absent(one.reservation.as_ref())
        }),
        Column::new("created", Shown::Wide, |one| utc(one.created)),
        Column::new("revision", Shown::Wide, |one| plain(one.revision)),
        Column::new("attachment", Shown::InLists, |one| plain(&one.attachment)),
    ];

    fn key(&self) -> Attachment {
        self.attachment.clone()
    }
}

fn each(endpoint: &Endpoint, text: fn(&EndpointAddress) -> String) -> Cell {
    joined(endpoint.addresses.iter().map(text))
}

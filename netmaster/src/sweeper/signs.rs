//! What says that whoever has an address lives: who keeps it from being taken is asked the same way
//! as who lets it be collected.

use std::net::IpAddr;

use trunkline_ipam::{AddressState, Catalog, SignsOfLife};

use super::{Heard, Holdings, Reports};
use crate::orchestrator::Pods;

/// Those who may know. Clones are one and the same.
#[derive(Clone, Debug)]
pub(crate) struct Informants {
    pub(crate) heard: Heard,
    pub(crate) reports: Reports,
    pub(crate) pods: Pods,
}

impl Informants {
    /// What they know of whoever has an address. A leader that has just begun has heard of nobody.
    pub(crate) fn signs_of(&self, catalog: &Catalog, ip: IpAddr) -> SignsOfLife {
        let state = catalog.address(ip).map(|address| &address.state);
        let endpoint = match state {
            Some(AddressState::Bound { attachment }) => catalog.endpoint(attachment),
            _ => None,
        };
        let node = match state {
            Some(AddressState::Leased { node, .. } | AddressState::Node { node }) => Some(node),
            _ => endpoint.map(|endpoint| &endpoint.node),
        };
        let Some(node) = node else {
            return SignsOfLife::default();
        };
        let report = self.reports.last(node);
        let when = |has: &dyn Fn(&Holdings) -> bool| {
            let (at, holdings) = report.as_ref()?;
            has(holdings).then_some(*at)
        };
        let attachment = endpoint.map(|endpoint| &endpoint.attachment);
        let has_interface =
            |holdings: &Holdings| attachment.is_some_and(|one| holdings.ovsdb.contains(one));
        let has_container = |holdings: &Holdings| {
            let runtime = holdings.runtime.as_ref();
            let container = attachment.map(|one| &one.container);
            runtime
                .zip(container)
                .is_some_and(|(all, one)| all.contains(one))
        };
        let record = catalog.node(node);
        SignsOfLife {
            heard: record.map(|node| self.heard.last(node)),
            on_switch: when(&has_interface),
            in_runtime: when(&has_container),
            in_reserve: when(&|holdings| holdings.reserve.contains(&ip)),
            pod_is_there: endpoint.and_then(|one| self.pods.exists(one)) == Some(true),
        }
    }
}

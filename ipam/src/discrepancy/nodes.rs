//! What nodes say, compared with the books.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::sync::Arc;

use trunkline_types::Attachment;

use super::{Discrepancy, DiscrepancyKind, NodeReport, Witnesses};
use crate::address::Tenant;
use crate::reserve::{is_leased_to, other_half};
use crate::{Catalog, Endpoint, Evidence, Key, Policy, Timestamp};

/// What a node's report and the books do not agree on.
pub(super) fn compare(
    catalog: &Catalog,
    report: &NodeReport<'_>,
    witnesses: &Witnesses<'_>,
    policy: &Policy,
) -> Vec<Discrepancy> {
    if catalog.node(report.node).is_none() {
        return Vec::new();
    }
    let comparison = Comparison {
        catalog,
        report,
        witnesses,
        policy,
        endpoints: catalog.endpoints_on(report.node).collect(),
        held: report.held.iter().map(|(of, ips)| (of, ips)).collect(),
    };
    let mut found = comparison.endpoints();
    found.extend(comparison.interfaces());
    found.extend(comparison.leases());
    found
}

struct Comparison<'a> {
    catalog: &'a Catalog,
    report: &'a NodeReport<'a>,
    witnesses: &'a Witnesses<'a>,
    policy: &'a Policy,
    /// Those of the node.
    endpoints: Vec<&'a Arc<Endpoint>>,
    held: BTreeMap<&'a Attachment, &'a Vec<IpAddr>>,
}

impl Comparison<'_> {
    /// Whether the node had known of it for long enough when it made its report. It asks and writes
    /// down what it was given in two steps, and collects a report in several.
    fn is_settled(&self, since: Timestamp) -> bool {
        since.after(self.policy.sweep_gap.as_secs()) <= self.report.at
    }

    /// Endpoints of the books that the node does not have, or has otherwise.
    fn endpoints(&self) -> Vec<Discrepancy> {
        let evidence = Evidence {
            node: self.report.node,
            ovsdb: self.report.ovsdb,
            runtime: self.report.runtime,
            pod_exists: self.witnesses.pod_exists,
        };
        let settled = self.endpoints.iter();
        let settled = settled.filter(|endpoint| self.is_settled(endpoint.created));
        let found = settled.filter_map(|endpoint| match self.held.get(&endpoint.attachment) {
            Some(ips) => differs(endpoint, ips, self.report),
            None if self.report.ovsdb.contains(&endpoint.attachment) => None,
            None => Some(match evidence.against(endpoint, &self.endpoints) {
                Some(why) => gone(endpoint, why, true),
                None => gone(
                    endpoint,
                    format!(
                        "its interface is not in OVSDB of node `{}`, and neither runtime nor \
                         orchestrator says that it is gone",
                        endpoint.node
                    ),
                    false,
                ),
            }),
        });
        found.collect()
    }

    /// Interfaces of the node that the books do not know, or whose addresses are somebody else's.
    fn interfaces(&self) -> Vec<Discrepancy> {
        let mut found = Vec::new();
        for (attachment, ips) in self.report.held {
            let known = self.catalog.endpoint(attachment);
            // A slot of its reserve is a pod's before netmaster hears of it.
            let ahead = |ip: &IpAddr| {
                let address = self.catalog.address(*ip);
                address.is_some_and(|one| is_leased_to(one, self.report.node))
            };
            if known.is_none() && !ips.iter().all(ahead) {
                found.push(self.unknown(attachment, ips));
            }
            for ip in ips {
                let own = |endpoint: &Arc<Endpoint>| endpoint.addresses.iter().any(|a| a.ip == *ip);
                if known.is_some_and(own) {
                    continue;
                }
                found.extend(self.used_twice(attachment, *ip));
            }
        }
        found
    }

    fn unknown(&self, attachment: &Attachment, ips: &[IpAddr]) -> Discrepancy {
        let node = self.report.node;
        let ips: Vec<_> = ips.iter().map(|ip| format!("`{ip}`")).collect();
        Discrepancy {
            kind: DiscrepancyKind::EndpointUnknown,
            about: Key::Endpoint(attachment.clone()),
            evidence: format!(
                "OVSDB of node `{node}` has `{attachment}` with {}, and the books do not",
                ips.join(" and ")
            ),
            command: format!(
                "netctl import addresses <file> (with attachment {attachment} and node {node})"
            ),
            is_safe: false,
        }
    }

    fn used_twice(&self, attachment: &Attachment, ip: IpAddr) -> Option<Discrepancy> {
        let address = self.catalog.address(ip)?;
        if !self.is_settled(address.since) {
            return None;
        }
        if is_leased_to(address, self.report.node) {
            return None;
        }
        let tenant = Tenant::of(self.catalog, address)?;
        Some(Discrepancy {
            kind: DiscrepancyKind::AddressUsedTwice,
            about: Key::Address(ip),
            evidence: format!(
                "`{attachment}` on node `{}` has `{ip}`, and the books give it to {} on node `{}`",
                self.report.node, tenant.who, tenant.node
            ),
            command: format!("netctl address show {ip}"),
            is_safe: false,
        })
    }

    /// Leases that the node does not know, and slots that are not leased to it.
    fn leases(&self) -> Vec<Discrepancy> {
        let node = self.report.node;
        let used: BTreeSet<&IpAddr> = self.report.held.iter().flat_map(|(_, ips)| ips).collect();
        let kept = |ip: &IpAddr| self.report.reserve.contains(ip) || used.contains(ip);
        let lost = self
            .catalog
            .leased_to(node)
            .filter(|lease| self.is_settled(lease.since))
            .filter(|lease| !kept(&lease.ip))
            .map(|lease| Discrepancy {
                kind: DiscrepancyKind::LeaseLost,
                about: Key::Address(lease.ip),
                evidence: format!(
                    "address `{}` is leased to node `{node}`, which has it neither in reserve nor \
                     on an interface",
                    lease.ip
                ),
                command: format!(
                    "netctl address release {} --force --reason 'the node lost it'",
                    lease.ip
                ),
                // A pod gets all of a slot, so whoever has one half of it may be using both.
                is_safe: other_half(self.catalog, lease).is_none_or(|other| !kept(&other.ip)),
            });
        let unknown = self.report.reserve.iter().filter_map(|ip| {
            let address = self.catalog.address(*ip);
            let leased = address.is_some_and(|one| is_leased_to(one, node));
            let settled = address.is_none_or(|one| self.is_settled(one.since));
            (!leased && settled).then(|| Discrepancy {
                kind: DiscrepancyKind::LeaseUnknown,
                about: Key::Address(*ip),
                evidence: format!(
                    "node `{node}` keeps address `{ip}` in reserve, which is not leased to it"
                ),
                command: format!("restart netplugin on node {node}, which drops it"),
                is_safe: false,
            })
        });
        lost.chain(unknown).collect()
    }
}

fn gone(endpoint: &Endpoint, evidence: String, is_safe: bool) -> Discrepancy {
    let ip = endpoint.addresses.first().map(|address| address.ip);
    let ip = ip.map(|ip| ip.to_string()).unwrap_or_default();
    Discrepancy {
        kind: match is_safe {
            true => DiscrepancyKind::EndpointGone,
            false => DiscrepancyKind::EndpointUnseen,
        },
        about: Key::Endpoint(endpoint.attachment.clone()),
        evidence,
        command: format!("netctl address release {ip} --force --reason 'its pod is gone'"),
        is_safe,
    }
}

fn differs(endpoint: &Endpoint, ips: &[IpAddr], report: &NodeReport<'_>) -> Option<Discrepancy> {
    let has: BTreeSet<_> = ips.iter().collect();
    let own: BTreeSet<_> = endpoint.addresses.iter().map(|own| &own.ip).collect();
    let list = |ips: BTreeSet<&IpAddr>| {
        let ips: Vec<_> = ips.iter().map(|ip| format!("`{ip}`")).collect();
        ips.join(" and ")
    };
    (has != own).then(|| Discrepancy {
        kind: DiscrepancyKind::EndpointDiffers,
        about: Key::Endpoint(endpoint.attachment.clone()),
        evidence: format!(
            "OVSDB of node `{}` has `{}` with {}, and the books have {}",
            report.node,
            endpoint.attachment,
            list(has),
            list(own)
        ),
        command: match &endpoint.pod {
            Some(pod) => format!("kubectl -n {} delete pod {}", pod.namespace, pod.name),
            None => format!("netctl endpoint show {}", endpoint.attachment),
        },
        is_safe: false,
    })
}

//! What else decides where a pod's addresses come from: the subnets of its network.

use std::collections::BTreeSet;

use serde::Serialize;
use trunkline_netmaster_api::{Client, ClientError, Explanation, Node, Pool, Query, Subnet};
use trunkline_types::{Cidr, Name};

/// A subnet of the pod's network.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct Candidate {
    pub(super) subnet: Name,
    pub(super) cidr: Cidr,
    /// Whether the pod can get an address of it; none if that depends on the node, which is not
    /// known.
    pub(super) usable: Option<bool>,
    /// Why, in words.
    pub(super) because: String,
}

/// The subnets of the network that the pod is bound to, those that come first at the top.
pub(super) async fn candidates(
    client: &Client,
    explanation: &Explanation,
    node: Option<&Node>,
) -> Result<Vec<Candidate>, ClientError> {
    let Some(network) = &explanation.network else {
        return Ok(Vec::new());
    };
    let query = Query::field("network", network.value.as_str());
    let subnets = client.list::<Subnet>(&query).await?.items;
    let pool = explanation.pool.as_ref().map(|choice| &choice.value);
    let with_pool = match pool {
        Some(pool) => {
            let query = Query::field("name", pool.as_str());
            let pools = client.list::<Pool>(&query).await?.items;
            pools.into_iter().map(|pool| pool.subnet).collect()
        }
        None => BTreeSet::new(),
    };
    let mut ranked: Vec<_> = subnets
        .iter()
        .map(|subnet| {
            let lacks = pool.filter(|_| !with_pool.contains(&subnet.name));
            let (usable, because) = verdict(subnet, lacks, node);
            // Those of the node's own rack are tried before those of no rack.
            let rank = (usable != Some(true), subnet.rack.is_none());
            let candidate = Candidate {
                subnet: subnet.name.clone(),
                cidr: subnet.cidr,
                usable,
                because,
            };
            (rank, candidate)
        })
        .collect();
    ranked.sort_by_key(|(rank, _)| *rank);
    Ok(ranked.into_iter().map(|(_, candidate)| candidate).collect())
}

/// Whether a pod on `node` can get an address of `subnet`, which lacks the pool `lacks`.
fn verdict(subnet: &Subnet, lacks: Option<&Name>, node: Option<&Node>) -> (Option<bool>, String) {
    if subnet.deleting {
        return (Some(false), "it is being deleted".to_owned());
    }
    if let Some(pool) = lacks {
        return (Some(false), format!("it has no pool {pool}"));
    }
    match (&subnet.rack, &subnet.nodes, node) {
        (Some(rack), _, Some(node)) if *rack == node.rack => {
            (Some(true), format!("it is for rack {rack}, the node's"))
        }
        (Some(rack), _, Some(node)) => (
            Some(false),
            format!("it is for rack {rack}, and the node's is {}", node.rack),
        ),
        (Some(rack), _, None) => (None, format!("it is for nodes of rack {rack}")),
        (None, Some(nodes), Some(node)) if nodes.matches(&node.labels) => {
            (Some(true), format!("it is for nodes with {nodes}"))
        }
        (None, Some(nodes), Some(_)) => (
            Some(false),
            format!("it is for nodes with {nodes}, and the node is none"),
        ),
        (None, Some(nodes), None) => (None, format!("it is for nodes with {nodes}")),
        (None, None, _) => (Some(true), "it is for all nodes".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn subnet(rack: Option<&str>, nodes: Option<&str>) -> Subnet {
        let text = serde_json::json!({
            "name": "s", "network": "blue", "cidr": "10.1.0.0/24", "gateway": "10.1.0.1",
            "ranges": [], "rack": rack, "nodes": nodes, "in_use": 0, "capacity": 1, "revision": 1,
        });
        serde_json::from_value(text).unwrap()
    }

    fn node() -> Node {
        let text = r#"{"name": "n1", "rack": "r1", "labels": {"zone": "a"}, "revision": 1}"#;
        serde_json::from_str(text).unwrap()
    }

    #[test]
    fn a_subnet_is_usable_by_rack_by_label_or_by_all() {
        let web: Name = "web".parse().unwrap();
        for (subnet, lacks, node, usable) in [
            (subnet(Some("r1"), None), None, Some(node()), Some(true)),
            (subnet(Some("r2"), None), None, Some(node()), Some(false)),
            (subnet(Some("r1"), None), None, None, None),
            (subnet(None, Some("zone=a")), None, Some(node()), Some(true)),
            (
                subnet(None, Some("zone=b")),
                None,
                Some(node()),
                Some(false),
            ),
            (subnet(None, None), None, None, Some(true)),
            (subnet(None, None), Some(&web), Some(node()), Some(false)),
        ] {
            let (found, because) = verdict(&subnet, lacks, node.as_ref());
            assert_eq!(found, usable, "{because}");
        }
    }
}

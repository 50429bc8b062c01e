//! Whether a subnet may hand out addresses after a restore.

use super::NoSpace;
use crate::{Catalog, Epoch, Listing, Policy, Subnet, Timestamp};

/// Checks that `subnet` may hand out addresses: always in the first epoch; in a later one when the
/// hold is over and every node that may use the subnet has said what it holds.
pub(crate) fn check_gate(
    catalog: &Catalog,
    subnet: &Subnet,
    policy: &Policy,
    now: Timestamp,
) -> Result<(), NoSpace> {
    let Some(cluster) = catalog.cluster() else {
        return Ok(());
    };
    if cluster.epoch == Epoch::default() {
        return Ok(());
    }
    let silent = catalog
        .unreported()
        .filter(|node| subnet.placement.admits(node))
        .map(|node| &node.name);
    let nodes = Listing::of(silent);
    if !nodes.is_empty() {
        return Err(NoSpace::AwaitingReports {
            subnet: subnet.name.clone(),
            nodes,
        });
    }
    let open = cluster.since.after(policy.restore_hold.as_secs());
    if now < open {
        return Err(NoSpace::RestoreHold {
            subnet: subnet.name.clone(),
            seconds: open.unix_seconds() - now.unix_seconds(),
        });
    }
    Ok(())
}

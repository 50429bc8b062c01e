//! `netctl pool …`

use clap::Args;
use trunkline_netmaster_api::{Pool, PoolName, PoolSpec};
use trunkline_types::AddressRange;

use crate::failure::Failure;
use crate::flag::{Edited, LabelsEdited, LabelsGiven, Many, flags, parsed};
use crate::noun::{Managed, Noun};
use crate::render::{Column, Shown, joined, labels, plain};

impl Noun for Pool {
    const NAME: &'static str = "pool";
    const PLURAL: &'static str = "pools";
    const KEY: (&'static str, &'static str) = ("SUBNET/NAME", "Its subnet and its name there");
    const FIELDS: &'static [&'static str] = &["name", "subnet"];
    const COLUMNS: &'static [Column<Self>] = &[
        Column::new("pool", Shown::Always, |pool| plain(pool.key())),
        Column::new("ranges", Shown::Always, |pool| joined(&pool.ranges)),
        Column::new("labels", Shown::Wide, |pool| labels(&pool.labels)),
        Column::new("revision", Shown::Wide, |pool| plain(pool.revision)),
    ];

    fn key(&self) -> PoolName {
        PoolName {
            subnet: self.subnet.clone(),
            name: self.name.clone(),
        }
    }
}

flags! {
    Range: AddressRange = "range", "FIRST-LAST", parsed,
        "Its addresses, like 10.1.0.200-10.1.0.240";
}

/// Create a pool of a subnet
///
/// Its addresses are within the subnet's ranges and in no other pool of it, and go only to pods that
/// are bound to it. Nodes' own addresses come from the pools named `nodes`.
#[derive(Args)]
#[command(after_help = "Example:\n  \
                        netctl pool create blue-r1/web --range 10.1.0.200-10.1.0.240")]
pub(crate) struct Create {
    #[command(flatten)]
    ranges: Many<Range>,
    #[command(flatten)]
    labels: LabelsGiven,
}

/// Change a pool
///
/// What is not given stays as it is.
#[derive(Args)]
#[command(after_help = "Example:\n  \
                        netctl pool set blue-r1/web --add-range 10.1.0.241-10.1.0.249")]
pub(crate) struct Set {
    #[command(flatten)]
    ranges: Edited<Range>,
    #[command(flatten)]
    labels: LabelsEdited,
}

impl Managed for Pool {
    type Create = Create;
    type Set = Set;
    const RM: &'static str = "No group may name it, and none of its addresses may be in use.";

    fn spec(key: PoolName, create: Create) -> PoolSpec {
        PoolSpec {
            subnet: key.subnet,
            name: key.name,
            ranges: create.ranges.0,
            labels: create.labels.0,
        }
    }

    fn revision(&self) -> u64 {
        self.revision
    }

    fn current(&self) -> PoolSpec {
        PoolSpec {
            subnet: self.subnet.clone(),
            name: self.name.clone(),
            ranges: self.ranges.clone(),
            labels: self.labels.clone(),
        }
    }

    fn change(spec: &mut PoolSpec, set: &Set) -> Result<(), Failure> {
        set.ranges.apply(&mut spec.ranges)?;
        set.labels.apply(&mut spec.labels);
        Ok(())
    }
}

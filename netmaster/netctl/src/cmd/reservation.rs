//! `netctl reservation …`

mod holder;

use std::fmt;
use std::net::IpAddr;

use clap::Args;
use trunkline_netmaster_api::{Reservation, ReservationSpec, ReservedAddress, Retention};
use trunkline_types::Name;

use crate::failure::Failure;
use crate::flag::{
    Clearable, Edited, Flag as _, Given, LabelsEdited, LabelsGiven, Many, Needed, flags, parsed,
};
use crate::noun::{Managed, Noun};
use crate::quantity::{retention, time};
use crate::render::{ABSENT, Cell, Column, Shown, joined, labels, plain, utc};
use holder::{HolderChanged, HolderGiven};

pub(super) use holder::written as holder;

impl Noun for Reservation {
    const NAME: &'static str = "reservation";
    const PLURAL: &'static str = "reservations";
    const FIELDS: &'static [&'static str] = &["name", "network", "namespace", "address"];
    const COLUMNS: &'static [Column<Self>] = &[
        Column::new("name", Shown::Always, |one| plain(&one.name)),
        Column::new("network", Shown::Always, |one| plain(&one.network)),
        Column::new("holder", Shown::Always, |one| plain(holder(&one.holder))),
        Column::new("addresses", Shown::InLists, few),
        Column::new("addresses", Shown::Alone, |one| {
            joined(one.addresses.iter().copied().map(Pinned))
        }),
        Column::new("spare", Shown::Wide, |one| plain(one.spare)),
        Column::new("retention", Shown::Always, |one| kept(one.retention)),
        Column::new("expires", Shown::Always, |one| {
            one.expires.map_or_else(|| plain(ABSENT), utc)
        }),
        Column::new("owner", Shown::Wide, |one| plain(&one.owner)),
        Column::new("reason", Shown::Wide, |one| plain(&one.reason)),
        Column::new("labels", Shown::Wide, |one| labels(&one.labels)),
        Column::new("created", Shown::Alone, |one| utc(one.created)),
        Column::new("revision", Shown::Wide, |one| plain(one.revision)),
    ];

    fn key(&self) -> Name {
        self.name.clone()
    }
}

/// The first addresses, and how many more there are.
fn few(reservation: &Reservation) -> Cell {
    const SHOWN: usize = 2;
    let addresses = &reservation.addresses;
    let shown = joined(addresses.iter().take(SHOWN).map(|one| one.ip));
    match addresses.len().checked_sub(SHOWN) {
        Some(more @ 1..) => plain(format!("{} and {more} more", shown.text)),
        _ => shown,
    }
}

fn kept(retention: Retention) -> Cell {
    match retention {
        Retention::Forever => plain("forever"),
        Retention::UntilDeleted => plain("until deleted"),
        Retention::Seconds(seconds) => plain(format!("{seconds} s")),
    }
}

/// An address as it is given: with a MAC address of its own or without.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Pinned(ReservedAddress);

impl fmt::Display for Pinned {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.mac {
            Some(mac) => write!(f, "{}={mac}", self.0.ip),
            None => self.0.ip.fmt(f),
        }
    }
}

fn pinned(text: &str) -> Result<Pinned, String> {
    let (ip, mac) = match text.split_once('=') {
        Some((ip, mac)) => (ip, Some(parsed(mac)?)),
        None => (text, None),
    };
    let ip = ip.parse::<IpAddr>();
    let ip = ip.map_err(|_| {
        format!("address `{text}` is not valid: write it as `<ip>` or `<ip>=<mac>`")
    })?;
    Ok(Pinned(ReservedAddress { ip, mac }))
}

flags! {
    Network: Name = "network", "NETWORK", parsed, "Network its addresses are of";
    Address: Pinned = "address", "IP[=MAC]", pinned,
        "An address, if need be with a MAC address, in the order of a StatefulSet's ordinals";
    Subnet: Name = "subnet", "SUBNET", parsed,
        "Subnet to take --count addresses from; one, or one of each family";
    Count: u32 = "count", "NUMBER", parsed, "How many to take of each --subnet: 1–256";
    Spare: u32 = "spare", "NUMBER", parsed,
        "How many of a workload's are for rolling updates only: 0–256 (default: 0)";
    Kept: Retention = "retention", "HOW LONG", retention,
        "How long it is kept while the holder is away: forever, until-deleted, or like 24h \
         (default: forever)";
    Owner: String = "owner", "TEXT", text, "Who asks for it: a person or team";
    Why: String = "reason", "TEXT", text, "What it is for";
    Expires: u64 = "expires", "TIME", time,
        "When it ends in any case, like 2026-12-31T00:00:00Z (default: never)";
}

#[expect(
    clippy::unnecessary_wraps,
    reason = "it stands beside parsers that refuse"
)]
fn text(text: &str) -> Result<String, String> {
    Ok(text.to_owned())
}

/// Reserve addresses for a pod, a StatefulSet or another workload
///
/// Its addresses are named (--address), or taken from subnets (--subnet with --count). Nobody else
/// gets them, whether the holder runs or not.
#[derive(Args)]
#[command(after_help = "Examples:\n  \
    netctl reservation create db --network blue --stateful-set shop/db --address 10.1.0.20 \
    --address 10.1.0.21=02:00:00:00:00:21\n  \
    netctl reservation create web --network blue --workload shop/web --subnet blue-r1 --count 4 \
    --spare 1 --retention 24h")]
pub(crate) struct Create {
    #[command(flatten)]
    network: Needed<Network>,
    #[command(flatten)]
    holder: HolderGiven,
    #[command(flatten)]
    addresses: Many<Address>,
    #[command(flatten)]
    subnets: Many<Subnet>,
    #[command(flatten)]
    count: Given<Count>,
    #[command(flatten)]
    spare: Given<Spare>,
    #[command(flatten)]
    retention: Given<Kept>,
    #[command(flatten)]
    owner: Given<Owner>,
    #[command(flatten)]
    reason: Given<Why>,
    #[command(flatten)]
    expires: Given<Expires>,
    #[command(flatten)]
    labels: LabelsGiven,
}

/// Change a reservation
///
/// What is not given stays as it is; it loses no address that is in use. With --subnet and --count
/// addresses are chosen anew, and those it has are kept as far as they go.
#[derive(Args)]
#[command(after_help = "Examples:\n  \
                        netctl reservation set db --add-address 10.1.0.22\n  \
                        netctl reservation set web --subnet blue-r1 --count 8 --no-expires")]
pub(crate) struct Set {
    #[command(flatten)]
    holder: HolderChanged,
    #[command(flatten)]
    addresses: Edited<Address>,
    #[command(flatten)]
    subnets: Many<Subnet>,
    #[command(flatten)]
    count: Given<Count>,
    #[command(flatten)]
    spare: Given<Spare>,
    #[command(flatten)]
    retention: Given<Kept>,
    #[command(flatten)]
    owner: Given<Owner>,
    #[command(flatten)]
    reason: Given<Why>,
    #[command(flatten)]
    expires: Clearable<Expires>,
    #[command(flatten)]
    labels: LabelsEdited,
}

impl Managed for Reservation {
    type Create = Create;
    type Set = Set;
    const RM: &'static str = "None of its addresses may be in use.";

    fn spec(name: Name, create: Create) -> ReservationSpec {
        ReservationSpec {
            name,
            network: create.network.0,
            holder: create.holder.holder(),
            addresses: create.addresses.0.iter().map(|one| one.0).collect(),
            subnets: create.subnets.0,
            count: create.count.0,
            spare: create.spare.0.unwrap_or_default(),
            retention: create.retention.0.unwrap_or_default(),
            owner: create.owner.0.unwrap_or_default(),
            reason: create.reason.0.unwrap_or_default(),
            expires: create.expires.0,
            labels: create.labels.0,
        }
    }

    fn revision(&self) -> u64 {
        self.revision
    }

    fn current(&self) -> ReservationSpec {
        ReservationSpec {
            name: self.name.clone(),
            network: self.network.clone(),
            holder: self.holder.clone(),
            addresses: self.addresses.clone(),
            subnets: Vec::new(),
            count: None,
            spare: self.spare,
            retention: self.retention,
            owner: self.owner.clone(),
            reason: self.reason.clone(),
            expires: self.expires,
            labels: self.labels.clone(),
        }
    }

    fn change(spec: &mut ReservationSpec, set: &Set) -> Result<(), Failure> {
        set.holder.apply(&mut spec.holder);
        let mut addresses: Vec<_> = spec.addresses.iter().copied().map(Pinned).collect();
        set.addresses.apply(&mut addresses)?;
        spec.addresses = addresses.iter().map(|one| one.0).collect();
        if set.subnets.0.is_empty() && set.count.0.is_some() {
            return Err(Failure::Usage(format!(
                "`--{}` needs to know where to take them from: give `--{}` as well",
                Count::LONG,
                Subnet::LONG
            )));
        }
        if !set.subnets.0.is_empty() {
            spec.addresses.clear();
            spec.subnets.clone_from(&set.subnets.0);
            spec.count = set.count.0;
        }
        set.spare.apply(&mut spec.spare);
        set.retention.apply(&mut spec.retention);
        set.owner.apply(&mut spec.owner);
        set.reason.apply(&mut spec.reason);
        set.expires.apply(&mut spec.expires);
        set.labels.apply(&mut spec.labels);
        Ok(())
    }
}

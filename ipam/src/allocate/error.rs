//! Why no address is handed out.

use std::net::IpAddr;
use std::sync::Arc;

use trunkline_types::{MacAddr, Name};

use super::LeaseUnfit;
use crate::{Endpoint, Kind, Listing, NodeUnfit, Reason, Refusal};

/// Why no address is handed out.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AllocateError {
    /// The node may not ask.
    #[error(transparent)]
    Unfit(#[from] NodeUnfit),
    /// Neither the pod nor any group names a network.
    #[error(
        "no group says which network `{pod}` is to be on: name one in the request, or bind one \
         with `netctl group create <name> --network <network>`"
    )]
    NoNetwork {
        /// The pod, or the attachment if there is none.
        pod: String,
    },
    /// What the pod is bound to is not there.
    #[error("{kind} `{name}` does not exist: create it, or see `netctl {kind} ls`", kind = kind.noun())]
    NotFound {
        /// The kind of what is missing.
        kind: Kind,
        /// Its name.
        name: Name,
    },
    /// The attachment has other addresses, or is on another network or node.
    #[error(
        "attachment `{}` has an address on network `{}` and node `{}`, so it cannot get \
         {wanted}: release the first one (CNI DEL) before asking again",
        existing.attachment, existing.network, existing.node
    )]
    AttachmentInUse {
        /// What the attachment has.
        existing: Arc<Endpoint>,
        /// What was asked for instead.
        wanted: String,
    },
    /// No subnet can give one.
    #[error(transparent)]
    NoSpace(#[from] NoSpace),
    /// The very address that is asked for, or reserved, cannot be given.
    #[error(transparent)]
    Address(#[from] AddressUnfit),
    /// What the node has in reserve cannot be given.
    #[error(transparent)]
    Lease(#[from] LeaseUnfit),
    /// The MAC address cannot be given.
    #[error(transparent)]
    Mac(#[from] MacUnfit),
}

/// Why no subnet can give an address.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoSpace {
    /// The network has no subnet at all.
    #[error(
        "network `{network}` has no subnet: create one with \
         `netctl subnet create <name> --network {network} --cidr <cidr> --gateway <address>`"
    )]
    NoSubnet {
        /// The network.
        network: Name,
    },
    /// All its subnets are for other nodes.
    #[error(
        "network `{network}` has subnets for {places} only, and node `{node}` is in rack `{rack}`: \
         add a subnet with `netctl subnet create … --rack {rack}`, or run the pod on one of those \
         nodes"
    )]
    NoSubnetForRack {
        /// The network.
        network: Name,
        /// What it has subnets for: racks, and nodes by selector.
        places: Listing,
        /// The node that asked.
        node: Name,
        /// The node's rack.
        rack: Name,
    },
    /// None of the subnets that the node may use has the pool.
    #[error(
        "network `{network}` has no pool `{pool}` for rack `{rack}`: create it with \
         `netctl pool create <subnet>/{pool}`, see `netctl pool ls`"
    )]
    NoPool {
        /// The network.
        network: Name,
        /// The pool.
        pool: Name,
        /// The node's rack.
        rack: Name,
    },
    /// Every address that the node may use is in use or withheld.
    #[error(
        "network `{network}` has no free address for rack `{rack}`: {taken} of {capacity} in use in \
         {subnets}, {cooling} released just now; remove pods, see `netctl endpoint ls`, or add a \
         subnet with `netctl subnet create`"
    )]
    Full {
        /// The network.
        network: Name,
        /// The node's rack.
        rack: Name,
        /// The subnets or pools that were tried.
        subnets: Listing,
        /// How many of their addresses are in use, leased, reserved or in conflict.
        taken: u64,
        /// How many addresses they have.
        capacity: u64,
        /// How many are kept for their last owner yet.
        cooling: u64,
    },
    /// The ordinal is beyond what is reserved, or all of a workload's set is in use.
    #[error(
        "reservation `{reservation}` has no free address for `{pod}` ({count} of its family in \
         all): reserve more with `netctl reservation set {reservation}`"
    )]
    ReservationUsedUp {
        /// The reservation.
        reservation: Name,
        /// The pod.
        pod: String,
        /// How many addresses of the family it has.
        count: usize,
    },
    /// After a restore, nodes have yet to say what they hold. May be repeated.
    #[error(
        "subnet `{subnet}` hands out nothing after the restore until {nodes} have reported what \
         they hold: wait, or if they are dead, say so with `netctl node waive <node>`"
    )]
    AwaitingReports {
        /// The subnet.
        subnet: Name,
        /// The nodes.
        nodes: Listing,
    },
    /// After a restore, unknown nodes are given time to make themselves known. May be repeated.
    #[error(
        "subnet `{subnet}` hands out nothing for {seconds} more second(s) after the restore, so \
         that nodes which are not in the back-up can report: wait, then ask again"
    )]
    RestoreHold {
        /// The subnet.
        subnet: Name,
        /// How much longer.
        seconds: u64,
    },
}

/// Why one certain address cannot be given.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AddressUnfit {
    /// More than one address of a family is asked for.
    #[error("addresses `{first}` and `{second}` are of one family: ask for one of each at most")]
    TwoOfAFamily {
        /// The field that has them.
        field: &'static str,
        /// One of them.
        first: IpAddr,
        /// The other one.
        second: IpAddr,
    },
    /// No subnet of the network has it.
    #[error("address `{ip}` is not one that network `{network}` hands out: see `netctl subnet ls`")]
    NotHandedOut {
        /// The address.
        ip: IpAddr,
        /// The network.
        network: Name,
    },
    /// Its subnet is for other nodes.
    #[error(
        "address `{ip}` is of subnet `{subnet}` for {place}, and node `{node}` is in rack `{rack}`: \
         run the pod on a node of the subnet, or reserve an address of rack `{rack}` for it"
    )]
    WrongRack {
        /// The address.
        ip: IpAddr,
        /// Its subnet.
        subnet: Name,
        /// What the subnet is for: a rack, or nodes by selector.
        place: String,
        /// The node that asked.
        node: Name,
        /// The node's rack.
        rack: Name,
    },
    /// Somebody has it.
    #[error(
        "address `{ip}` is held by {holder} on node `{node}`: wait until it is released, or see \
         `netctl address show {ip}`"
    )]
    Held {
        /// The address.
        ip: IpAddr,
        /// Who has it.
        holder: String,
        /// The node that it is on.
        node: Name,
    },
    /// Somebody has it on a node that has not been heard. May be repeated.
    #[error(
        "address `{ip}` is held by {holder} on node `{node}`, which has not been heard: if the \
         node is off, say so with `netctl node rm {node} --powered-off`"
    )]
    NodeSilent {
        /// The address.
        ip: IpAddr,
        /// Who has it.
        holder: String,
        /// The node that it is on.
        node: Name,
    },
    /// It is reserved for somebody else.
    #[error(
        "address `{ip}` is reserved for {holder} by reservation `{reservation}`: ask for another \
         one, or see `netctl reservation show {reservation}`"
    )]
    Reserved {
        /// The address.
        ip: IpAddr,
        /// The reservation.
        reservation: Name,
        /// Whom it is for.
        holder: String,
    },
    /// It is of a pool that the pod is not bound to.
    #[error(
        "address `{ip}` is of pool `{pool}`, which the pod is not bound to: bind a group to the \
         pool, or ask for an address of none"
    )]
    InPool {
        /// The address.
        ip: IpAddr,
        /// The pool.
        pool: Name,
    },
    /// A foreign machine answers for it.
    #[error(
        "address `{ip}` is withheld, because `{mac}` answers for it: remove that machine, then \
         `netctl address clear {ip}`"
    )]
    Conflict {
        /// The address.
        ip: IpAddr,
        /// The foreign machine.
        mac: MacAddr,
    },
    /// It was released lately by somebody else.
    #[error(
        "address `{ip}` was released by another owner lately: ask again in {seconds} second(s)"
    )]
    Cooling {
        /// The address.
        ip: IpAddr,
        /// How much longer it is kept for that owner.
        seconds: u64,
    },
}

/// Why a MAC address cannot be given.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MacUnfit {
    /// No interface can have it.
    #[error(
        "MAC address `{mac}` is not that of one machine: use one that is not all zero and whose \
         first byte is even, like `02:…`"
    )]
    NotUnicast {
        /// The MAC address.
        mac: MacAddr,
    },
    /// Another interface of the network has it.
    #[error(
        "MAC address `{mac}` is in use on network `{network}` with address `{ip}`: choose another \
         one, or leave it out"
    )]
    InUse {
        /// The MAC address.
        mac: MacAddr,
        /// The network.
        network: Name,
        /// The address it goes with.
        ip: IpAddr,
    },
    /// The reservation pins another one.
    #[error(
        "MAC address `{mac}` is asked for, and reservation `{reservation}` pins `{pinned}`: ask \
         for that one, or leave it out"
    )]
    Pinned {
        /// What was asked for.
        mac: MacAddr,
        /// The reservation.
        reservation: Name,
        /// What it pins.
        pinned: MacAddr,
    },
}

impl Refusal for AllocateError {
    fn reason(&self) -> Reason {
        match self {
            Self::Unfit(unfit) => unfit.reason(),
            Self::NoNetwork { .. } => Reason::NoNetwork,
            Self::NotFound { kind, .. } => Reason::NotFound(*kind),
            Self::AttachmentInUse { .. } => Reason::AttachmentInUse,
            Self::NoSpace(space) => space.reason(),
            Self::Address(address) => address.reason(),
            Self::Lease(lease) => lease.reason(),
            Self::Mac(mac) => mac.reason(),
        }
    }

    fn field(&self) -> Option<&'static str> {
        match self {
            Self::Address(address) => address.field(),
            Self::Lease(lease) => lease.field(),
            Self::Mac(mac) => mac.field(),
            _ => None,
        }
    }
}

impl Refusal for NoSpace {
    fn reason(&self) -> Reason {
        match self {
            Self::NoSubnet { .. } | Self::NoSubnetForRack { .. } => Reason::NoSubnetForRack,
            Self::NoPool { .. } => Reason::NotFound(Kind::Pool),
            Self::Full { .. } | Self::ReservationUsedUp { .. } => Reason::Full,
            Self::AwaitingReports { .. } | Self::RestoreHold { .. } => Reason::AwaitingReports,
        }
    }
}

impl Refusal for AddressUnfit {
    fn reason(&self) -> Reason {
        match self {
            Self::TwoOfAFamily { .. } => Reason::Invalid,
            Self::NotHandedOut { .. } => Reason::NotFound(Kind::Address),
            Self::WrongRack { .. } => Reason::WrongRack,
            Self::NodeSilent { .. } => Reason::NodeSilent,
            Self::Held { .. }
            | Self::Reserved { .. }
            | Self::InPool { .. }
            | Self::Conflict { .. }
            | Self::Cooling { .. } => Reason::AddressInUse,
        }
    }

    fn field(&self) -> Option<&'static str> {
        match self {
            Self::TwoOfAFamily { field, .. } => Some(field),
            _ => None,
        }
    }
}

impl Refusal for MacUnfit {
    fn reason(&self) -> Reason {
        match self {
            Self::NotUnicast { .. } => Reason::Invalid,
            Self::InUse { .. } | Self::Pinned { .. } => Reason::MacInUse,
        }
    }

    fn field(&self) -> Option<&'static str> {
        match self {
            Self::NotUnicast { .. } => Some("mac"),
            _ => None,
        }
    }
}

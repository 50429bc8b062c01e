//! Refusals, as far as callers tell them apart.

use std::fmt;

/// Why an operation was refused. The text of the error says the rest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Reason {
    /// What the request names is not there.
    NotFound(Kind),
    /// There is an object with that key.
    NameInUse,
    /// Another network of the fabric has the VLAN.
    VlanInUse,
    /// It cannot be deleted or changed like that while others refer to it.
    InUse(Kind),
    /// It is being deleted, so it cannot be changed or used any more.
    Deleting(Kind),
    /// It was changed since the revision that the request names.
    StaleRevision {
        /// The revision it is at.
        current: crate::Revision,
    },
    /// A CIDR that makes no sense, or overlaps another.
    Cidr,
    /// Its addresses overlap those of another.
    Overlap,
    /// A gateway outside its subnet.
    Gateway,
    /// Ranges outside their subnet, or overlapping.
    Range,
    /// Another value that makes no sense where it is.
    Invalid,
    /// It means the same as another object of equal rank, and nothing says which counts.
    Ambiguous,
    /// The attachment has another address.
    AttachmentInUse,
    /// No subnet for the node's rack.
    NoSubnetForRack,
    /// The fixed address belongs to another rack.
    WrongRack,
    /// Nothing is free.
    Full,
    /// The address is held by another, or withheld.
    AddressInUse,
    /// Another interface of the network has the MAC address, or another one is pinned.
    MacInUse,
    /// No group says which network the pod is to be on.
    NoNetwork,
    /// The subnet hands out nothing until nodes have reported, after a restore. May be repeated.
    AwaitingReports,
    /// The holder of a fixed address is on a node that has not been heard. May be repeated.
    NodeSilent,
    /// The node's leases were taken from it; it must register again.
    Fenced,
    /// The node knows another cluster or a newer epoch.
    WrongCluster,
    /// Nobody is known by what the request came with.
    Unauthenticated,
    /// Who asks may not have that.
    Forbidden,
}

/// The kinds of objects.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Kind {
    /// The cluster itself.
    Cluster,
    /// A layer-2 domain.
    Network,
    /// A CIDR of a network.
    Subnet,
    /// A named range of a subnet.
    Pool,
    /// Pods and what they are bound to.
    Group,
    /// Quality of service.
    Profile,
    /// Addresses kept for somebody.
    Reservation,
    /// A machine that pods run on.
    Node,
    /// The record of an address.
    Address,
    /// One interface of one container.
    Endpoint,
    /// What makes somebody known who has no certificate.
    Token,
    /// Which certificates of a node are void.
    Lockout,
    /// A past holding of an address.
    Holding,
    /// Something that happened.
    Event,
    /// Something that somebody did or was refused.
    Audit,
}

impl Kind {
    /// The noun for one of the kind, in messages and in netctl's commands.
    #[must_use]
    pub const fn noun(self) -> &'static str {
        match self {
            Self::Cluster => "cluster",
            Self::Network => "network",
            Self::Subnet => "subnet",
            Self::Pool => "pool",
            Self::Group => "group",
            Self::Profile => "profile",
            Self::Reservation => "reservation",
            Self::Node => "node",
            Self::Address => "address",
            Self::Endpoint => "endpoint",
            Self::Token => "token",
            Self::Lockout => "lockout",
            Self::Holding => "holding",
            Self::Event => "event",
            Self::Audit => "audit",
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.noun())
    }
}

/// An operation's refusal.
pub trait Refusal: std::error::Error {
    /// Why, for programs.
    fn reason(&self) -> Reason;

    /// The field of what is wanted that makes no sense, as the API names it; `None` if it is at odds
    /// with what is there rather than with itself. [`Reason::Cidr`], [`Reason::Gateway`],
    /// [`Reason::Range`] and [`Reason::Invalid`] are about a field each time.
    fn field(&self) -> Option<&'static str> {
        None
    }

    /// What somebody is told in its place who is for the object's own network only, as the rest of a
    /// sentence about the object: the error's text names what is of other networks, or of none.
    /// `None` if it does not.
    fn discreetly(&self) -> Option<&'static str> {
        None
    }
}

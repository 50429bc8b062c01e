//! What is to become of the objects: puts and deletes as data.

use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use trunkline_types::{Attachment, Name};

use crate::{
    Address, Audit, Cluster, Endpoint, Event, Group, Holding, Kind, Lockout, Network, Node, Pool,
    Profile, Reservation, Subnet, Token,
};

/// The number of a change: 1 for the first one ever made, and no number is used twice.
///
/// Changes are numbered by the one writer, not by the store, so that the numbers are the same in
/// every kind of store and several changes can go into one transaction.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct Revision(u64);

impl Revision {
    /// Before the first change.
    pub const ZERO: Self = Self(0);

    /// The revision with this number.
    #[must_use]
    pub const fn new(number: u64) -> Self {
        Self(number)
    }

    /// The revision's number.
    #[must_use]
    pub const fn number(self) -> u64 {
        self.0
    }

    /// The revision before this one; there is none before [`Revision::ZERO`].
    #[must_use]
    pub const fn previous(self) -> Self {
        Self(self.0.saturating_sub(1))
    }

    /// The revision after this one.
    #[must_use]
    pub const fn next(self) -> Self {
        Self(self.0 + 1)
    }
}

impl fmt::Display for Revision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Any object that is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Object {
    /// The cluster itself.
    Cluster(Arc<Cluster>),
    /// A layer-2 domain.
    Network(Arc<Network>),
    /// A CIDR of a network.
    Subnet(Arc<Subnet>),
    /// A named range of a subnet.
    Pool(Arc<Pool>),
    /// Pods and what they are bound to.
    Group(Arc<Group>),
    /// Quality of service.
    Profile(Arc<Profile>),
    /// Addresses kept for somebody.
    Reservation(Arc<Reservation>),
    /// A machine that pods run on.
    Node(Arc<Node>),
    /// What is known of one IP address.
    Address(Arc<Address>),
    /// One interface of one container.
    Endpoint(Arc<Endpoint>),
    /// What makes somebody known who has no certificate.
    Token(Arc<Token>),
    /// Which certificates of a node are void.
    Lockout(Arc<Lockout>),
    /// A past holding of an address.
    Holding(Arc<Holding>),
    /// Something that happened.
    Event(Arc<Event>),
    /// Something that somebody did or was refused.
    Audit(Arc<Audit>),
}

impl Object {
    /// The object's natural key.
    #[must_use]
    pub fn key(&self) -> Key {
        match self {
            Self::Cluster(_) => Key::Cluster,
            Self::Network(network) => Key::Network(network.name.clone()),
            Self::Subnet(subnet) => Key::Subnet(subnet.name.clone()),
            Self::Pool(pool) => Key::Pool(pool.subnet.clone(), pool.name.clone()),
            Self::Group(group) => Key::Group(group.name.clone()),
            Self::Profile(profile) => Key::Profile(profile.name.clone()),
            Self::Reservation(reservation) => Key::Reservation(reservation.name.clone()),
            Self::Node(node) => Key::Node(node.name.clone()),
            Self::Address(address) => Key::Address(address.ip),
            Self::Endpoint(endpoint) => Key::Endpoint(endpoint.attachment.clone()),
            Self::Token(token) => Key::Token(token.name.clone()),
            Self::Lockout(lockout) => Key::Lockout(lockout.node.clone()),
            Self::Holding(holding) => Key::Holding(holding.ip, holding.revision),
            Self::Event(event) => Key::Event(event.revision),
            Self::Audit(audit) => Key::Audit(audit.revision),
        }
    }
}

impl Object {
    /// The change that made the object what it is.
    #[must_use]
    pub fn revision(&self) -> Revision {
        match self {
            Self::Cluster(cluster) => cluster.revision,
            Self::Network(network) => network.revision,
            Self::Subnet(subnet) => subnet.revision,
            Self::Pool(pool) => pool.revision,
            Self::Group(group) => group.revision,
            Self::Profile(profile) => profile.revision,
            Self::Reservation(reservation) => reservation.revision,
            Self::Node(node) => node.revision,
            Self::Address(address) => address.revision,
            Self::Endpoint(endpoint) => endpoint.revision,
            Self::Token(token) => token.revision,
            Self::Lockout(lockout) => lockout.revision,
            Self::Holding(holding) => holding.revision,
            Self::Event(event) => event.revision,
            Self::Audit(audit) => audit.revision,
        }
    }
}

/// The natural key of an object: nothing else has the same one.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Key {
    /// The cluster itself.
    Cluster,
    /// The network with this name.
    Network(Name),
    /// The subnet with this name.
    Subnet(Name),
    /// The pool of this subnet with this name.
    Pool(Name, Name),
    /// The group with this name.
    Group(Name),
    /// The profile with this name.
    Profile(Name),
    /// The reservation with this name.
    Reservation(Name),
    /// The node with this name.
    Node(Name),
    /// The record of this address.
    Address(IpAddr),
    /// The endpoint of this attachment.
    Endpoint(Attachment),
    /// The token with this name.
    Token(Name),
    /// Which certificates of the node with this name are void.
    Lockout(Name),
    /// The holding of this address that ended with this change.
    Holding(IpAddr, Revision),
    /// The event that happened with this change.
    Event(Revision),
    /// What was done with this change, or refused.
    Audit(Revision),
}

impl Key {
    /// The kind of object it is the key of.
    #[must_use]
    pub fn kind(&self) -> Kind {
        match self {
            Self::Cluster => Kind::Cluster,
            Self::Network(_) => Kind::Network,
            Self::Subnet(_) => Kind::Subnet,
            Self::Pool(..) => Kind::Pool,
            Self::Group(_) => Kind::Group,
            Self::Profile(_) => Kind::Profile,
            Self::Reservation(_) => Kind::Reservation,
            Self::Node(_) => Kind::Node,
            Self::Address(_) => Kind::Address,
            Self::Endpoint(_) => Kind::Endpoint,
            Self::Token(_) => Kind::Token,
            Self::Lockout(_) => Kind::Lockout,
            Self::Holding(..) => Kind::Holding,
            Self::Event(_) => Kind::Event,
            Self::Audit(_) => Kind::Audit,
        }
    }
}

impl Key {
    /// The name behind the kind: what a command takes as its argument.
    #[must_use]
    pub fn name(&self) -> String {
        match self {
            Self::Cluster => String::new(),
            Self::Network(name)
            | Self::Subnet(name)
            | Self::Group(name)
            | Self::Profile(name)
            | Self::Reservation(name)
            | Self::Node(name)
            | Self::Token(name)
            | Self::Lockout(name) => name.to_string(),
            Self::Pool(subnet, name) => format!("{subnet}/{name}"),
            Self::Address(ip) => ip.to_string(),
            Self::Endpoint(attachment) => attachment.to_string(),
            Self::Holding(ip, revision) => format!("{ip}/{revision}"),
            Self::Event(revision) | Self::Audit(revision) => revision.to_string(),
        }
    }
}

/// As in a message: ``subnet `blue-r1` ``.
impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Cluster => self.kind().fmt(f),
            _ => write!(f, "{} `{}`", self.kind(), self.name()),
        }
    }
}

/// One object's fate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Edit {
    /// The object is created, or takes the place of the one with the same key.
    Put(Object),
    /// The object with this key goes.
    Delete(Key),
}

/// Edits that happen together or not at all.
///
/// An empty change is the answer to a request whose outcome is there already; it has no revision
/// of its own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    revision: Revision,
    edits: Vec<Edit>,
}

impl Change {
    /// The change that makes `edits` and leads to `revision`. The planning functions make changes
    /// of their own; this is for one that was made elsewhere and is to be made here too.
    #[must_use]
    pub fn new(revision: Revision, edits: Vec<Edit>) -> Self {
        Self { revision, edits }
    }

    /// The same change, and `edit` with it. An empty change takes none: it has no revision of its
    /// own.
    #[must_use]
    pub fn with(mut self, edit: Edit) -> Self {
        if !self.is_empty() {
            self.edits.push(edit);
        }
        self
    }

    pub(crate) fn none(revision: Revision) -> Self {
        Self::new(revision, Vec::new())
    }

    /// The revision after the change: that of every object it puts. An empty change carries the
    /// revision at which it was found that nothing need be done.
    #[must_use]
    pub fn revision(&self) -> Revision {
        self.revision
    }

    /// The edits, in the order in which they are to be made.
    #[must_use]
    pub fn edits(&self) -> &[Edit] {
        &self.edits
    }

    /// Whether nothing changes.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.edits.is_empty()
    }
}

/// An object as it will be, and the change that makes it so; the change is empty if it is so.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Planned<T> {
    /// The object after the change.
    pub object: Arc<T>,
    /// What to do about it.
    pub change: Change,
}

/// After how many edits a step ends. A few more may go with the last one and with the object that
/// the whole is about; a store takes 127 in one transaction.
pub(crate) const STEP_EDITS: usize = 90;

/// One step of what does not fit into one change. Every step leaves the objects in order; the
/// caller makes it, plans again, and so on until it is done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// What to do next; empty if nothing is left.
    pub change: Change,
    /// Whether nothing is left after this change.
    pub done: bool,
}

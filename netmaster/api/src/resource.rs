//! The kinds of objects, as far as a client treats them alike.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use serde::Serialize;
use serde::de::DeserializeOwned;
use trunkline_types::{Attachment, Name, NameError};

use crate::{
    Address, Audit, Endpoint, Event, Group, GroupSpec, Network, NetworkSpec, Node, Pool, PoolSpec,
    Profile, ProfileSpec, Reservation, ReservationSpec, Subnet, SubnetSpec, SubnetUpdated, Token,
};

/// What names an object within its kind.
pub trait ResourceKey {
    /// The segments of its URL behind the kind's, not escaped.
    fn segments(&self) -> Vec<String>;
}

impl ResourceKey for Name {
    fn segments(&self) -> Vec<String> {
        vec![self.to_string()]
    }
}

impl ResourceKey for IpAddr {
    fn segments(&self) -> Vec<String> {
        vec![self.to_string()]
    }
}

impl ResourceKey for u64 {
    fn segments(&self) -> Vec<String> {
        vec![self.to_string()]
    }
}

impl ResourceKey for Attachment {
    fn segments(&self) -> Vec<String> {
        vec![self.container.to_string(), self.ifname.to_string()]
    }
}

/// The subnet and the name of a pool.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PoolName {
    /// The subnet it is a part of.
    pub subnet: Name,
    /// Its name there.
    pub name: Name,
}

/// Text that names no pool.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PoolNameError {
    /// There is no slash.
    #[error("pool `{0}` is not valid: write it as `<subnet>/<name>`, like `blue-r1/web`")]
    NoSlash(String),
    /// The subnet's or the pool's own name is none.
    #[error(transparent)]
    Name(#[from] NameError),
}

impl FromStr for PoolName {
    type Err = PoolNameError;

    fn from_str(text: &str) -> Result<Self, PoolNameError> {
        let (subnet, name) = text
            .split_once('/')
            .ok_or_else(|| PoolNameError::NoSlash(text.to_owned()))?;
        Ok(Self {
            subnet: subnet.parse()?,
            name: name.parse()?,
        })
    }
}

impl fmt::Display for PoolName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.subnet, self.name)
    }
}

impl ResourceKey for PoolName {
    fn segments(&self) -> Vec<String> {
        vec![self.subnet.to_string(), self.name.to_string()]
    }
}

/// A kind of object that can be shown, listed and watched.
pub trait Resource: DeserializeOwned {
    /// The kind in the URL.
    const PATH: &'static str;
    /// What names one.
    type Key: ResourceKey;
}

/// A kind of object that an operator creates, updates and deletes.
pub trait Managed: Resource {
    /// What is wanted of one.
    type Spec: Serialize;
    /// What an update is answered.
    type Updated: DeserializeOwned;

    /// What names the object that is wanted.
    fn key_of(spec: &Self::Spec) -> Self::Key;
}

macro_rules! resources {
    ($($kind:ident: $path:literal, $key:ty;)+) => {
        $(impl Resource for $kind {
            const PATH: &'static str = $path;
            type Key = $key;
        })+
    };
}

resources! {
    Network: "networks", Name;
    Subnet: "subnets", Name;
    Pool: "pools", PoolName;
    Group: "groups", Name;
    Profile: "profiles", Name;
    Reservation: "reservations", Name;
    Node: "nodes", Name;
    Address: "addresses", IpAddr;
    Endpoint: "endpoints", Attachment;
    Event: "events", u64;
    Token: "tokens", Name;
    Audit: "audit", u64;
}

macro_rules! managed_by_name {
    ($($kind:ident: $spec:ident, $updated:ident;)+) => {
        $(impl Managed for $kind {
            type Spec = $spec;
            type Updated = $updated;

            fn key_of(spec: &$spec) -> Name {
                spec.name.clone()
            }
        })+
    };
}

managed_by_name! {
    Network: NetworkSpec, Network;
    Subnet: SubnetSpec, SubnetUpdated;
    Group: GroupSpec, Group;
    Profile: ProfileSpec, Profile;
    Reservation: ReservationSpec, Reservation;
}

impl Managed for Pool {
    type Spec = PoolSpec;
    type Updated = Pool;

    fn key_of(spec: &PoolSpec) -> PoolName {
        PoolName {
            subnet: spec.subnet.clone(),
            name: spec.name.clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pool_is_named_by_its_subnet_and_its_name() {
        let pool: PoolName = "blue-r1/web".parse().unwrap();
        assert_eq!(
            (pool.subnet.as_str(), pool.name.as_str()),
            ("blue-r1", "web")
        );
        assert_eq!(pool.to_string(), "blue-r1/web");
        for bad in ["", "web", "/web", "blue-r1/", "a/b/c", "Blue/web"] {
            let error = bad.parse::<PoolName>().unwrap_err().to_string();
            assert!(error.contains('`'), "{error}");
        }
    }
}

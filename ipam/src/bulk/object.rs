//! Objects that are wanted, of any kind that operators manage.

use crate::bulk::Why;
use crate::{
    Change, GroupSpec, Key, Ledger, NetworkSpec, PoolSpec, ProfileSpec, ReservationSpec,
    SubnetSpec, Timestamp, Wanted, create_group, create_network, create_pool, create_profile,
    create_reservation, create_subnet, update_group, update_network, update_pool, update_profile,
    update_reservation, update_subnet,
};

/// An object that is wanted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ObjectSpec {
    /// A network.
    Network(NetworkSpec),
    /// A subnet.
    Subnet(SubnetSpec),
    /// A pool.
    Pool(PoolSpec),
    /// A group.
    Group(GroupSpec),
    /// A profile.
    Profile(ProfileSpec),
    /// A reservation.
    Reservation(ReservationSpec),
}

impl ObjectSpec {
    /// What names it.
    #[must_use]
    pub fn key(&self) -> Key {
        match self {
            Self::Network(spec) => Key::Network(spec.name.clone()),
            Self::Subnet(spec) => Key::Subnet(spec.name.clone()),
            Self::Pool(spec) => Key::Pool(spec.subnet.clone(), spec.name.clone()),
            Self::Group(spec) => Key::Group(spec.name.clone()),
            Self::Profile(spec) => Key::Profile(spec.name.clone()),
            Self::Reservation(spec) => Key::Reservation(spec.name.clone()),
        }
    }

    /// When its turn is: after what it may refer to. Addresses that are named go before those that
    /// are chosen, else a chosen one might be one that is named.
    pub(super) fn rank(&self) -> u8 {
        match self {
            Self::Network(_) => 0,
            Self::Profile(_) => 1,
            Self::Subnet(_) => 2,
            Self::Pool(_) => 3,
            Self::Group(_) => 4,
            Self::Reservation(spec) => match spec.addresses {
                Wanted::Named(_) => 5,
                Wanted::Any { .. } => 6,
            },
        }
    }

    /// The change that makes the object what is wanted, whether it is there or not.
    pub(super) fn plan(&self, ledger: &Ledger, now: Timestamp) -> Result<Change, Why> {
        let catalog = ledger.catalog();
        Ok(match self {
            Self::Network(spec) => match catalog.network(&spec.name) {
                None => create_network(catalog, spec)?.change,
                Some(current) => update_network(catalog, spec, current.revision)?.change,
            },
            Self::Subnet(spec) => match catalog.subnet(&spec.name) {
                None => create_subnet(catalog, spec)?.change,
                Some(current) => {
                    update_subnet(catalog, spec, current.revision)?
                        .planned
                        .change
                }
            },
            Self::Pool(spec) => match catalog.pool(&spec.subnet, &spec.name) {
                None => create_pool(catalog, spec)?.change,
                Some(current) => update_pool(catalog, spec, current.revision)?.change,
            },
            Self::Group(spec) => match catalog.group(&spec.name) {
                None => create_group(catalog, spec)?.change,
                Some(current) => update_group(catalog, spec, current.revision)?.change,
            },
            Self::Profile(spec) => match catalog.profile(&spec.name) {
                None => create_profile(catalog, spec)?.change,
                Some(current) => update_profile(catalog, spec, current.revision)?.change,
            },
            Self::Reservation(spec) => match catalog.reservation(&spec.name) {
                None => create_reservation(ledger, spec, now)?.change,
                Some(current) => update_reservation(ledger, spec, current.revision, now)?.change,
            },
        })
    }
}

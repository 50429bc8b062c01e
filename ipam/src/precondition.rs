//! What holds for every object alike: it has to be there, at the revision that the caller saw, and
//! a new one needs a key of its own.

use std::sync::Arc;

use crate::{
    Address, Catalog, Change, Edit, Group, Key, Network, Node, Object, Planned, Pool, Profile,
    Reason, Refusal, Reservation, Revision, Subnet, Token,
};

/// Why an object cannot be changed or deleted by this request.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PreconditionError {
    /// It is not there.
    #[error("{key} does not exist: see `netctl {} ls`", key.kind())]
    NotFound {
        /// The key that was asked for.
        key: Key,
    },
    /// Somebody else changed it first; or nobody ever made it what the request says.
    #[error(
        "{key} is at revision {current} and not at {given}{}: look at it again with \
         `netctl {} show {}`, and repeat the request if it still fits",
        any_more(*given, *current),
        key.kind(),
        key.name()
    )]
    StaleRevision {
        /// The object's key.
        key: Key,
        /// The revision that the request names.
        given: Revision,
        /// The revision that the object is at.
        current: Revision,
    },
}

/// What an object is not any more, it was once.
fn any_more(given: Revision, current: Revision) -> &'static str {
    if given < current { " any more" } else { "" }
}

impl Refusal for PreconditionError {
    fn reason(&self) -> Reason {
        match self {
            Self::NotFound { key } => Reason::NotFound(key.kind()),
            Self::StaleRevision { current, .. } => Reason::StaleRevision { current: *current },
        }
    }
}

/// There is an object with that key.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "{key} exists already: choose another name, or change that one with `netctl {} set {}`",
    key.kind(),
    key.name()
)]
pub struct NameInUse {
    /// The key.
    pub key: Key,
}

impl Refusal for NameInUse {
    fn reason(&self) -> Reason {
        Reason::NameInUse
    }
}

/// An object that a request may have seen an older form of.
pub(crate) trait Revised: PartialEq {
    fn revision(&self) -> Revision;
    fn into_object(this: Arc<Self>) -> Object;
}

macro_rules! revised {
    ($($type:ident)*) => {$(
        impl Revised for $type {
            fn revision(&self) -> Revision {
                self.revision
            }

            fn into_object(this: Arc<Self>) -> Object {
                Object::$type(this)
            }
        }
    )*};
}

revised! { Address Group Network Node Pool Profile Reservation Subnet Token }

/// The object, if it is there and at the revision that the caller expects; one that expects none
/// takes it at any.
pub(crate) fn at_revision<T: Revised>(
    found: Option<&Arc<T>>,
    key: impl FnOnce() -> Key,
    expected: Option<Revision>,
) -> Result<&Arc<T>, PreconditionError> {
    let Some(object) = found else {
        return Err(PreconditionError::NotFound { key: key() });
    };
    match expected {
        Some(given) if given != object.revision() => Err(PreconditionError::StaleRevision {
            key: key(),
            given,
            current: object.revision(),
        }),
        _ => Ok(object),
    }
}

/// A new object.
pub(crate) fn created<T: Revised>(
    catalog: &Catalog,
    build: impl FnOnce(Revision) -> T,
) -> Planned<T> {
    let revision = catalog.revision().next();
    let object = Arc::new(build(revision));
    let put = Edit::Put(T::into_object(object.clone()));
    Planned {
        object,
        change: Change::new(revision, vec![put]),
    }
}

/// An object in the place of `current`; nothing changes if only its revision would.
pub(crate) fn replaced<T: Revised>(
    catalog: &Catalog,
    current: &Arc<T>,
    build: impl Fn(Revision) -> T,
) -> Planned<T> {
    if build(current.revision()) == **current {
        return Planned {
            object: current.clone(),
            change: Change::none(catalog.revision()),
        };
    }
    created(catalog, build)
}

/// The end of one object.
pub(crate) fn deleted(catalog: &Catalog, key: Key) -> Change {
    Change::new(catalog.revision().next(), vec![Edit::Delete(key)])
}

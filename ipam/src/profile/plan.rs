//! Planning a profile's beginning, change and end.

use trunkline_types::Name;

use super::{Profile, ProfileSpec};
use crate::precondition::{at_revision, created, deleted, replaced};
use crate::{
    Catalog, Change, Key, Kind, Listing, NameInUse, Planned, PreconditionError, Reason, Refusal,
    Revision,
};

/// Why a profile cannot be deleted.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DeleteProfileError {
    /// It is not there, or not at that revision.
    #[error(transparent)]
    Precondition(#[from] PreconditionError),
    /// Groups bind it.
    #[error(
        "profile `{profile}` is bound by {} group(s), {groups}: bind them to another one first \
         with `netctl group set`",
        groups.total()
    )]
    Bound {
        /// The profile.
        profile: Name,
        /// The groups.
        groups: Listing,
    },
    /// Running pods have it.
    #[error(
        "profile `{profile}` is that of {} endpoint(s), {endpoints}: remove the pods first, see \
         `netctl endpoint ls`",
        endpoints.total()
    )]
    InUse {
        /// The profile.
        profile: Name,
        /// The attachments.
        endpoints: Listing,
    },
}

impl Refusal for DeleteProfileError {
    fn reason(&self) -> Reason {
        match self {
            Self::Precondition(error) => error.reason(),
            Self::Bound { .. } | Self::InUse { .. } => Reason::InUse(Kind::Profile),
        }
    }
}

/// Plans a new profile. One that limits nothing is a profile too: for pods that a less specific
/// group would limit.
///
/// # Errors
///
/// [`NameInUse`] if there is one of that name.
pub fn create_profile(
    catalog: &Catalog,
    spec: &ProfileSpec,
) -> Result<Planned<Profile>, NameInUse> {
    if catalog.profile(&spec.name).is_some() {
        return Err(NameInUse {
            key: Key::Profile(spec.name.clone()),
        });
    }
    Ok(created(catalog, |revision| build(spec, revision)))
}

/// Plans a profile's change, which is for the pods that have it and those that come.
///
/// # Errors
///
/// [`PreconditionError`] if it is not there or not at that revision.
pub fn update_profile(
    catalog: &Catalog,
    spec: &ProfileSpec,
    expected: Revision,
) -> Result<Planned<Profile>, PreconditionError> {
    let key = || Key::Profile(spec.name.clone());
    let current = at_revision(catalog.profile(&spec.name), key, Some(expected))?;
    Ok(replaced(catalog, current, |revision| build(spec, revision)))
}

/// Plans a profile's end.
///
/// # Errors
///
/// [`DeleteProfileError`] if it is not there or not at that revision, or if a group or an endpoint
/// has it.
pub fn delete_profile(
    catalog: &Catalog,
    name: &Name,
    expected: Option<Revision>,
) -> Result<Change, DeleteProfileError> {
    let key = || Key::Profile(name.clone());
    at_revision(catalog.profile(name), key, expected)?;
    let profile = || name.clone();
    let groups = catalog
        .groups()
        .filter(|g| g.profile.as_ref() == Some(name));
    let groups = Listing::of(groups.map(|group| &group.name));
    if !groups.is_empty() {
        return Err(DeleteProfileError::Bound {
            profile: profile(),
            groups,
        });
    }
    if catalog.profile_users(name) > 0 {
        let users = catalog.endpoints();
        let users = users.filter(|endpoint| endpoint.profile.as_ref() == Some(name));
        return Err(DeleteProfileError::InUse {
            profile: profile(),
            endpoints: Listing::of(users.map(|endpoint| &endpoint.attachment)),
        });
    }
    Ok(deleted(catalog, key()))
}

fn build(spec: &ProfileSpec, revision: Revision) -> Profile {
    Profile {
        name: spec.name.clone(),
        ingress: spec.ingress,
        egress: spec.egress,
        dscp: spec.dscp,
        labels: spec.labels.clone(),
        revision,
    }
}

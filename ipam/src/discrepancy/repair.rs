//! Repairing what can be repaired without anybody losing anything.

use super::{Discrepancy, DiscrepancyKind};
use crate::precondition::at_revision;
use crate::release::Ending;
use crate::{
    AddressState, Catalog, Change, DeleteReservationError, Finding, Key, Kind, PreconditionError,
    Reason, Refusal, ReleaseError, Revision, Timestamp, collect, end_reservation,
};

/// Why a discrepancy is not repaired.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RepairError {
    /// The object is gone, or was changed since it was looked at.
    #[error(transparent)]
    Precondition(#[from] PreconditionError),
    /// The endpoint was changed since it was looked at.
    #[error(transparent)]
    Endpoint(#[from] ReleaseError),
    /// Somebody has an address of the reservation by now.
    #[error(transparent)]
    Reservation(#[from] DeleteReservationError),
    /// What would repair it is for somebody to decide.
    #[error("{about} is not repaired unasked: type `{command}` if it is to be")]
    NotSafe {
        /// The object.
        about: Key,
        /// What repairs it.
        command: String,
    },
}

impl Refusal for RepairError {
    fn reason(&self) -> Reason {
        match self {
            Self::Precondition(error) => error.reason(),
            Self::Endpoint(error) => error.reason(),
            Self::Reservation(error) => error.reason(),
            Self::NotSafe { .. } => Reason::InUse(Kind::Address),
        }
    }
}

/// Plans the repair of a discrepancy, if its object is still at the revision that it was seen at.
///
/// # Errors
///
/// [`RepairError`] if the object was changed since, or if the repair is not safe.
pub fn repair(
    catalog: &Catalog,
    discrepancy: &Discrepancy,
    seen: Revision,
    now: Timestamp,
) -> Result<Change, RepairError> {
    let about = &discrepancy.about;
    let not_safe = || RepairError::NotSafe {
        about: about.clone(),
        command: discrepancy.command.clone(),
    };
    // Of one kind some are safe and others are not, so the kind alone does not say.
    if !discrepancy.is_safe {
        return Err(not_safe());
    }
    match (discrepancy.kind, about) {
        (DiscrepancyKind::EndpointGone, Key::Endpoint(attachment)) => {
            if catalog.endpoint(attachment).is_none() {
                return Err(PreconditionError::NotFound { key: about.clone() }.into());
            }
            let finding = Finding {
                attachment: attachment.clone(),
                revision: seen,
                reason: discrepancy.evidence.clone(),
            };
            Ok(collect(catalog, &finding, now)?)
        }
        (DiscrepancyKind::LeaseLost, Key::Address(ip)) => {
            let lease = at_revision(catalog.address(*ip), || about.clone(), Some(seen))?;
            if !matches!(lease.state, AddressState::Leased { .. }) {
                return Err(PreconditionError::NotFound { key: about.clone() }.into());
            }
            let ending = Ending {
                catalog,
                reason: "the node does not have it in its reserve",
                now,
                revision: catalog.revision().next(),
            };
            Ok(Change::new(ending.revision, vec![ending.lease(lease)]))
        }
        (DiscrepancyKind::ReservationOver, Key::Reservation(name)) => {
            at_revision(catalog.reservation(name), || about.clone(), Some(seen))?;
            Ok(end_reservation(catalog, name, now)?)
        }
        _ => Err(not_safe()),
    }
}

//! What holds of a reservation by itself.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv4Addr};

use trunkline_types::MacAddr;

use super::{Holder, Reservation, ReservationSpec, ReservedAddress, Retention, of_family};
use crate::{Reason, Refusal, Timestamp};

/// Why there can be no such reservation.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReservationShapeError {
    /// The holder is nobody.
    #[error(
        "{what} `{given}` of the holder is not valid: use 1–{max} printable ASCII characters other \
         than `/`",
        max = Holder::NAME_MAX
    )]
    Holder {
        /// Name or namespace.
        what: &'static str,
        /// What was given.
        given: String,
    },
    /// Owner or reason is too long, or cannot be printed.
    #[error(
        "{what} `{}` is not valid: use up to {max} bytes without control characters",
        given.escape_debug(),
        max = Reservation::TEXT_MAX
    )]
    Text {
        /// Owner or reason.
        what: &'static str,
        /// What was given.
        given: String,
    },
    /// It would be over at once.
    #[error("expiry {expires} is not after now, {now}: give a later one, or none")]
    Expired {
        /// When it would end, in seconds since 1970-01-01 00:00:00 UTC.
        expires: u64,
        /// Now.
        now: u64,
    },
    /// It would end when nobody can say what day it is.
    #[error(
        "expiry {expires} is after the year 9999, which is {}: give seconds since 1970, or leave it \
         out",
        Timestamp::LATEST.unix_seconds()
    )]
    TooLate {
        /// When it would end, in seconds since 1970-01-01 00:00:00 UTC.
        expires: u64,
    },
    /// It would be kept for longer than anybody lives.
    #[error(
        "retention of {seconds} seconds is more than 100 years, {max}: give fewer, or keep it for \
         ever",
        max = Reservation::RETENTION_MAX
    )]
    TooLong {
        /// How long it would be kept, in seconds.
        seconds: u64,
    },
    /// It has no address, or more than anybody needs.
    #[error(
        "a reservation has 1–{max} addresses, and not {given}: name them, or make several \
         reservations",
        max = Reservation::ADDRESSES_MAX
    )]
    Number {
        /// How many were given.
        given: u64,
    },
    /// One address twice.
    #[error("address `{ip}` is named twice: name it once")]
    Twice {
        /// The address.
        ip: IpAddr,
    },
    /// A pod has at most one address of each family.
    #[error(
        "a pod has one address of each family, and not {v4} of IPv4 and {v6} of IPv6: leave some \
         out, or reserve for a workload"
    )]
    PodNumber {
        /// How many of IPv4.
        v4: usize,
        /// How many of IPv6.
        v6: usize,
    },
    /// Some pods would have both families, and others one.
    #[error(
        "{v4} address(es) of IPv4 and {v6} of IPv6 do not go together: give as many of each, or of \
         one family only"
    )]
    Uneven {
        /// How many of IPv4.
        v4: usize,
        /// How many of IPv6.
        v6: usize,
    },
    /// There is nothing that could be spare.
    #[error(
        "{spare} spare address(es) do not fit: a workload's are fewer than it has of a family, \
         which is {each}, and other holders have none"
    )]
    Spare {
        /// How many were to be spare.
        spare: u32,
        /// How many there are of each family.
        each: usize,
    },
    /// No interface can have that MAC address.
    #[error(
        "MAC address `{mac}` of `{ip}` is not that of one machine: use one that is not all zero and \
         whose first byte is even, like `02:aa:00:00:00:01`"
    )]
    MacNotUnicast {
        /// The address it was pinned for.
        ip: IpAddr,
        /// The MAC address.
        mac: MacAddr,
    },
    /// An interface has one MAC address, and no two have the same one.
    #[error(
        "MAC address `{mac}` of `{ip}` does not go with the others: the two addresses of a pod \
         have the same one, and no two pods do"
    )]
    MacMismatch {
        /// The address it was pinned for.
        ip: IpAddr,
        /// The MAC address.
        mac: MacAddr,
    },
    /// It is the one that goes with another address.
    #[error(
        "MAC address `{mac}` of `{ip}` is what whoever has `{other}` gets: use one that does not \
         begin with `02:01`"
    )]
    MacDerived {
        /// The address it was pinned for.
        ip: IpAddr,
        /// The MAC address.
        mac: MacAddr,
        /// The address it is derived from.
        other: Ipv4Addr,
    },
}

impl Refusal for ReservationShapeError {
    fn reason(&self) -> Reason {
        Reason::Invalid
    }

    fn field(&self) -> Option<&'static str> {
        Some(match self {
            Self::Holder { .. } => "holder",
            Self::Text { what, .. } => what,
            Self::Expired { .. } | Self::TooLate { .. } => "expires",
            Self::TooLong { .. } => "retention",
            Self::Spare { .. } => "spare",
            Self::Number { .. }
            | Self::Twice { .. }
            | Self::PodNumber { .. }
            | Self::Uneven { .. }
            | Self::MacNotUnicast { .. }
            | Self::MacMismatch { .. }
            | Self::MacDerived { .. } => "addresses",
        })
    }
}

/// Checks what is not about addresses or the present.
pub(super) fn check_texts(spec: &ReservationSpec) -> Result<(), ReservationShapeError> {
    for (what, given) in [("owner", &spec.owner), ("reason", &spec.reason)] {
        if given.len() > Reservation::TEXT_MAX || given.chars().any(char::is_control) {
            return Err(ReservationShapeError::Text {
                what,
                given: given.clone(),
            });
        }
    }
    match spec.retention {
        Retention::Seconds(seconds) if seconds > Reservation::RETENTION_MAX => {
            Err(ReservationShapeError::TooLong { seconds })
        }
        _ => Ok(()),
    }
}

pub(super) fn check_expiry(
    expires: Option<Timestamp>,
    now: Timestamp,
) -> Result<(), ReservationShapeError> {
    match expires {
        Some(expires) if expires <= now => Err(ReservationShapeError::Expired {
            expires: expires.unix_seconds(),
            now: now.unix_seconds(),
        }),
        Some(expires) if expires > Timestamp::LATEST => Err(ReservationShapeError::TooLate {
            expires: expires.unix_seconds(),
        }),
        _ => Ok(()),
    }
}

/// Checks holder, spare and addresses by themselves.
pub(crate) fn check_shape(
    holder: &Holder,
    spare: u32,
    addresses: &[ReservedAddress],
) -> Result<(), ReservationShapeError> {
    check_holder(holder)?;
    check_number(addresses.len())?;
    let mut seen = BTreeSet::new();
    if let Some(twice) = addresses.iter().find(|address| !seen.insert(address.ip)) {
        return Err(ReservationShapeError::Twice { ip: twice.ip });
    }
    check_families(holder, spare, addresses)?;
    check_pins(addresses)
}

pub(super) fn check_number(given: usize) -> Result<(), ReservationShapeError> {
    if (1..=Reservation::ADDRESSES_MAX).contains(&given) {
        return Ok(());
    }
    let given = u64::try_from(given).unwrap_or(u64::MAX);
    Err(ReservationShapeError::Number { given })
}

fn check_holder(holder: &Holder) -> Result<(), ReservationShapeError> {
    let (namespace, name) = match holder {
        Holder::Pod(pod) => (&pod.namespace, &pod.name),
        Holder::StatefulSet(set) | Holder::Workload(set) => (&set.namespace, &set.name),
    };
    for (what, given) in [("namespace", namespace), ("name", name)] {
        let printable = |byte: u8| byte.is_ascii_graphic() && byte != b'/';
        if !(1..=Holder::NAME_MAX).contains(&given.len()) || !given.bytes().all(printable) {
            return Err(ReservationShapeError::Holder {
                what,
                given: given.escape_debug().to_string(),
            });
        }
    }
    Ok(())
}

fn check_families(
    holder: &Holder,
    spare: u32,
    addresses: &[ReservedAddress],
) -> Result<(), ReservationShapeError> {
    let v4 = of_family(addresses, true).count();
    let v6 = addresses.len() - v4;
    let each = v4.max(v6);
    if matches!(holder, Holder::Pod(_)) && each > 1 {
        return Err(ReservationShapeError::PodNumber { v4, v6 });
    }
    if v4 > 0 && v6 > 0 && v4 != v6 {
        return Err(ReservationShapeError::Uneven { v4, v6 });
    }
    let fits = match holder {
        Holder::Workload(_) => usize::try_from(spare).is_ok_and(|spare| spare < each),
        Holder::Pod(_) | Holder::StatefulSet(_) => spare == 0,
    };
    if fits {
        Ok(())
    } else {
        Err(ReservationShapeError::Spare { spare, each })
    }
}

/// The n-th address of one family and the n-th of the other are those of one pod.
fn check_pins(addresses: &[ReservedAddress]) -> Result<(), ReservationShapeError> {
    let mut places: BTreeMap<MacAddr, usize> = BTreeMap::new();
    let mut pins: BTreeMap<usize, MacAddr> = BTreeMap::new();
    for v4 in [true, false] {
        for (place, address) in of_family(addresses, v4).enumerate() {
            let (Some(mac), ip) = (address.mac, address.ip) else {
                continue;
            };
            if !crate::mac::is_unicast(mac) {
                return Err(ReservationShapeError::MacNotUnicast { ip, mac });
            }
            let own_place = *places.entry(mac).or_insert(place) == place;
            if !own_place || *pins.entry(place).or_insert(mac) != mac {
                return Err(ReservationShapeError::MacMismatch { ip, mac });
            }
            let pair = of_family(addresses, true).nth(place);
            if let Some(other) = crate::mac::ip_of(mac)
                && pair.is_none_or(|own| own.ip != IpAddr::V4(other))
            {
                return Err(ReservationShapeError::MacDerived { ip, mac, other });
            }
        }
    }
    Ok(())
}

//! A subnet's CIDR, gateway, ranges and exclusions, by themselves.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use trunkline_types::{AddressRange, Cidr, Name};

use super::{FormerGateway, SubnetSpec};
use crate::{Catalog, Reason, Refusal, ranges};

/// What no host may have as its own address in a routed subnet, by first and last address.
const SPECIAL_V4: [(&str, Ipv4Addr, Ipv4Addr); 4] = [
    // "This network", RFC 1122.
    (
        "0.0.0.0/8",
        Ipv4Addr::new(0, 0, 0, 0),
        Ipv4Addr::new(0, 255, 255, 255),
    ),
    // Loopback, RFC 1122.
    (
        "127.0.0.0/8",
        Ipv4Addr::new(127, 0, 0, 0),
        Ipv4Addr::new(127, 255, 255, 255),
    ),
    // Link-local, which no router forwards, RFC 3927.
    (
        "169.254.0.0/16",
        Ipv4Addr::new(169, 254, 0, 0),
        Ipv4Addr::new(169, 254, 255, 255),
    ),
    // Multicast and reserved, RFC 1112.
    (
        "224.0.0.0/3",
        Ipv4Addr::new(224, 0, 0, 0),
        Ipv4Addr::BROADCAST,
    ),
];

/// The same of IPv6, RFC 4291.
const SPECIAL_V6: [(&str, Ipv6Addr, Ipv6Addr); 4] = [
    // Unspecified, loopback, and IPv4 addresses in their deprecated form.
    (
        "::/96",
        Ipv6Addr::UNSPECIFIED,
        Ipv6Addr::new(0, 0, 0, 0, 0, 0, 0xffff, 0xffff),
    ),
    // IPv4 addresses as sockets show them.
    (
        "::ffff:0:0/96",
        Ipv6Addr::new(0, 0, 0, 0, 0, 0xffff, 0, 0),
        Ipv6Addr::new(0, 0, 0, 0, 0, 0xffff, 0xffff, 0xffff),
    ),
    // Link-local.
    (
        "fe80::/10",
        Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 0),
        Ipv6Addr::new(
            0xfebf, 0xffff, 0xffff, 0xffff, 0xffff, 0xffff, 0xffff, 0xffff,
        ),
    ),
    // Multicast.
    (
        "ff00::/8",
        Ipv6Addr::new(0xff00, 0, 0, 0, 0, 0, 0, 0),
        Ipv6Addr::new(
            0xffff, 0xffff, 0xffff, 0xffff, 0xffff, 0xffff, 0xffff, 0xffff,
        ),
    ),
];

/// Why a subnet cannot be laid out like that.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SubnetLayoutError {
    /// It has addresses that no host may have.
    #[error(
        "CIDR `{cidr}` has addresses of `{special}`, which no host may have: use unicast \
         addresses, like `{example}`"
    )]
    NotUnicast {
        /// The CIDR.
        cidr: Cidr,
        /// The special-purpose CIDR it has addresses of.
        special: &'static str,
        /// A CIDR of that family which would do.
        example: &'static str,
    },
    /// The gateway is not in the subnet. Not even a link-local one may be elsewhere, so that what
    /// is kept out of circulation is the address that routers answer for.
    #[error("gateway `{gateway}` is not in CIDR `{cidr}`: use one of `{hosts}`")]
    GatewayOutside {
        /// The gateway.
        gateway: IpAddr,
        /// The CIDR.
        cidr: Cidr,
        /// The addresses it could be.
        hosts: AddressRange,
    },
    /// The gateway is an address that no host may have.
    #[error("gateway `{gateway}` is the {what} address of CIDR `{cidr}`: use one of `{hosts}`")]
    GatewayNotHost {
        /// The gateway.
        gateway: IpAddr,
        /// What it is instead.
        what: &'static str,
        /// The CIDR.
        cidr: Cidr,
        /// The addresses it could be.
        hosts: AddressRange,
    },
    /// A range has addresses that are not hosts of the subnet.
    #[error(
        "range `{range}` is not within the host addresses of CIDR `{cidr}`: stay within `{hosts}`"
    )]
    RangeOutside {
        /// The range.
        range: AddressRange,
        /// The CIDR.
        cidr: Cidr,
        /// The addresses it may have.
        hosts: AddressRange,
    },
    /// Two ranges have addresses in common.
    #[error("ranges `{first}` and `{second}` overlap: join them, or make them disjoint")]
    RangesOverlap {
        /// One of them.
        first: AddressRange,
        /// The other one.
        second: AddressRange,
    },
    /// An exclusion has addresses that are not in the subnet.
    #[error("exclusion `{exclusion}` is not within CIDR `{cidr}`: leave out what is not in it")]
    ExclusionOutside {
        /// The exclusion.
        exclusion: AddressRange,
        /// The CIDR.
        cidr: Cidr,
    },
    /// There are more ranges or exclusions than anybody needs.
    #[error("{given} {what} are too many: use at most {max}, or several subnets")]
    TooMany {
        /// Ranges or exclusions.
        what: &'static str,
        /// How many were given.
        given: usize,
        /// How many there may be.
        max: usize,
    },
    /// Nothing is left beside the gateway and the exclusions.
    #[error(
        "CIDR `{cidr}` has no address to hand out beside gateway `{gateway}` and its exclusions: \
         use a larger CIDR or range, or exclude less"
    )]
    NothingToHandOut {
        /// The CIDR.
        cidr: Cidr,
        /// The gateway.
        gateway: IpAddr,
    },
    /// Another subnet has some of the addresses.
    #[error(
        "CIDR `{cidr}` overlaps `{other_cidr}` of subnet `{other}`, and an address is given only \
         once in the whole fabric: choose a CIDR that is free, see `netctl subnet ls`"
    )]
    Overlap {
        /// The CIDR.
        cidr: Cidr,
        /// The other subnet.
        other: Name,
        /// The other subnet's CIDR.
        other_cidr: Cidr,
    },
}

impl Refusal for SubnetLayoutError {
    fn reason(&self) -> Reason {
        match self {
            Self::NotUnicast { .. } | Self::NothingToHandOut { .. } => Reason::Cidr,
            Self::GatewayOutside { .. } | Self::GatewayNotHost { .. } => Reason::Gateway,
            Self::RangeOutside { .. }
            | Self::RangesOverlap { .. }
            | Self::ExclusionOutside { .. }
            | Self::TooMany { .. } => Reason::Range,
            Self::Overlap { .. } => Reason::Overlap,
        }
    }

    fn field(&self) -> Option<&'static str> {
        match self {
            Self::NotUnicast { .. } | Self::NothingToHandOut { .. } => Some("cidr"),
            Self::GatewayOutside { .. } | Self::GatewayNotHost { .. } => Some("gateway"),
            Self::RangeOutside { .. } | Self::RangesOverlap { .. } => Some("ranges"),
            Self::ExclusionOutside { .. } => Some("exclusions"),
            Self::TooMany { what, .. } => Some(what),
            Self::Overlap { .. } => None,
        }
    }

    fn discreetly(&self) -> Option<&'static str> {
        match self {
            Self::Overlap { .. } => Some(
                "its addresses overlap those of a subnet, of whatever network: choose others, or \
                 ask somebody who is for all networks",
            ),
            _ => None,
        }
    }
}

/// How many ranges, and how many exclusions, a subnet may have: more than a person writes, and few
/// enough for the object to stay small.
const RANGES_MAX: usize = 256;

/// What of a subnet's addresses is for use.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Layout {
    /// In order; they do not overlap.
    pub(super) ranges: Vec<AddressRange>,
    /// In order; they neither overlap nor touch.
    pub(super) exclusions: Vec<AddressRange>,
    /// Oldest first.
    pub(super) former_gateways: Vec<FormerGateway>,
}

impl Layout {
    /// Refuses a layout of the subnet that is wanted that leaves nothing to hand out.
    pub(super) fn check_use(&self, spec: &SubnetSpec) -> Result<(), SubnetLayoutError> {
        let left = handed_out(&self.ranges, &self.exclusions, spec.gateway);
        if ranges::size(&left) > 0 {
            return Ok(());
        }
        Err(SubnetLayoutError::NothingToHandOut {
            cidr: spec.cidr,
            gateway: spec.gateway,
        })
    }
}

/// The layout that `spec` describes, if it makes sense and no other subnet has the addresses.
pub(super) fn layout(catalog: &Catalog, spec: &SubnetSpec) -> Result<Layout, SubnetLayoutError> {
    let (cidr, gateway) = (spec.cidr, spec.gateway);
    check_cidr(cidr)?;
    check_gateway(gateway, cidr)?;
    let ranges = checked_ranges(&spec.ranges, cidr)?;
    let exclusions = checked_exclusions(&spec.exclusions, cidr)?;
    let layout = Layout {
        ranges,
        exclusions,
        former_gateways: Vec::new(),
    };
    layout.check_use(spec)?;
    if let Some(other) = catalog.subnet_overlapping(cidr, &spec.name) {
        return Err(SubnetLayoutError::Overlap {
            cidr,
            other: other.name.clone(),
            other_cidr: other.cidr,
        });
    }
    Ok(layout)
}

/// What of `ranges` is left beside `exclusions`, both in order, and the gateway.
pub(super) fn handed_out(
    ranges: &[AddressRange],
    exclusions: &[AddressRange],
    gateway: IpAddr,
) -> Vec<AddressRange> {
    let gateway = AddressRange::new(gateway, gateway).ok();
    let withheld = ranges::merged(exclusions.iter().copied().chain(gateway));
    ranges::without(ranges, &withheld)
}

fn check_cidr(cidr: Cidr) -> Result<(), SubnetLayoutError> {
    fn touched<T: Ord + Copy>(
        special: &[(&'static str, T, T)],
        first: T,
        last: T,
    ) -> Option<&'static str> {
        let touches = |(_, from, to): &&(_, T, T)| first <= *to && *from <= last;
        special.iter().find(touches).map(|(name, ..)| *name)
    }
    let (special, example) = match (cidr.network(), cidr.last()) {
        (IpAddr::V4(first), IpAddr::V4(last)) => (touched(&SPECIAL_V4, first, last), "10.1.0.0/24"),
        (IpAddr::V6(first), IpAddr::V6(last)) => (touched(&SPECIAL_V6, first, last), "fd00:1::/64"),
        // Both ends of a CIDR are of one family.
        _ => (None, ""),
    };
    match special {
        None => Ok(()),
        Some(special) => Err(SubnetLayoutError::NotUnicast {
            cidr,
            special,
            example,
        }),
    }
}

fn check_gateway(gateway: IpAddr, cidr: Cidr) -> Result<(), SubnetLayoutError> {
    let hosts = cidr.hosts();
    if hosts.contains(gateway) {
        Ok(())
    } else if cidr.contains(gateway) {
        let what = match gateway {
            IpAddr::V4(_) => "network or broadcast",
            IpAddr::V6(_) => "subnet-router anycast",
        };
        Err(SubnetLayoutError::GatewayNotHost {
            gateway,
            what,
            cidr,
            hosts,
        })
    } else {
        Err(SubnetLayoutError::GatewayOutside {
            gateway,
            cidr,
            hosts,
        })
    }
}

/// The ranges in order; all hosts if none is given.
fn checked_ranges(
    given: &[AddressRange],
    cidr: Cidr,
) -> Result<Vec<AddressRange>, SubnetLayoutError> {
    let hosts = cidr.hosts();
    if given.is_empty() {
        return Ok(vec![hosts]);
    }
    check_number("ranges", given)?;
    let mut ranges = given.to_vec();
    ranges.sort_unstable();
    let within =
        |range: &AddressRange| hosts.contains(range.first()) && hosts.contains(range.last());
    if let Some(&range) = ranges.iter().find(|range| !within(range)) {
        return Err(SubnetLayoutError::RangeOutside { range, cidr, hosts });
    }
    match ranges::overlapping(&ranges) {
        None => Ok(ranges),
        Some((first, second)) => Err(SubnetLayoutError::RangesOverlap { first, second }),
    }
}

/// The exclusions in order, those that overlap or touch as one.
fn checked_exclusions(
    given: &[AddressRange],
    cidr: Cidr,
) -> Result<Vec<AddressRange>, SubnetLayoutError> {
    check_number("exclusions", given)?;
    let within = |range: &AddressRange| cidr.contains(range.first()) && cidr.contains(range.last());
    match given.iter().find(|range| !within(range)) {
        None => Ok(ranges::merged(given.iter().copied())),
        Some(&exclusion) => Err(SubnetLayoutError::ExclusionOutside { exclusion, cidr }),
    }
}

fn check_number(what: &'static str, given: &[AddressRange]) -> Result<(), SubnetLayoutError> {
    if given.len() > RANGES_MAX {
        return Err(SubnetLayoutError::TooMany {
            what,
            given: given.len(),
            max: RANGES_MAX,
        });
    }
    Ok(())
}

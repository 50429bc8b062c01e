//! Why a subnet cannot be created or deleted.

use std::net::IpAddr;

use trunkline_types::{AddressRange, Cidr, Name};

use crate::Listing;

/// Why a subnet cannot be created.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CreateSubnetError {
    /// There is a subnet of that name.
    #[error(
        "subnet `{name}` exists already, with CIDR `{cidr}`: choose another name, or remove that \
         one first with `netctl subnet rm {name}`"
    )]
    NameInUse {
        /// The name.
        name: Name,
        /// The CIDR of the subnet that has it.
        cidr: Cidr,
    },
    /// Its network is not there.
    #[error(
        "network `{network}` does not exist: create it first with \
         `netctl network create {network} --vlan <id>`"
    )]
    NetworkNotFound {
        /// The network's name.
        network: Name,
    },
    /// It is IPv6.
    #[error(
        "CIDR `{cidr}` is IPv6, which this version does not hand out yet: use an IPv4 CIDR, like \
         `10.1.0.0/24`"
    )]
    FamilyUnsupported {
        /// The CIDR.
        cidr: Cidr,
    },
    /// It has addresses that no host may have.
    #[error(
        "CIDR `{cidr}` has addresses of `{special}`, which no host may have: use unicast \
         addresses, like `10.1.0.0/24`"
    )]
    NotUnicast {
        /// The CIDR.
        cidr: Cidr,
        /// The special-purpose CIDR it has addresses of.
        special: &'static str,
    },
    /// The gateway is not in the subnet.
    #[error("gateway `{gateway}` is not in CIDR `{cidr}`: use one of `{hosts}`")]
    GatewayOutside {
        /// The gateway.
        gateway: IpAddr,
        /// The CIDR.
        cidr: Cidr,
        /// The addresses it could be.
        hosts: AddressRange,
    },
    /// The gateway is the network or broadcast address.
    #[error(
        "gateway `{gateway}` is the network or broadcast address of CIDR `{cidr}`: use one of \
         `{hosts}`"
    )]
    GatewayNotHost {
        /// The gateway.
        gateway: IpAddr,
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
    /// Nothing is left beside the gateway.
    #[error(
        "CIDR `{cidr}` has no address to hand out beside gateway `{gateway}`: use a larger CIDR \
         or range"
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

/// Why a subnet cannot be deleted.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DeleteSubnetError {
    /// There is no such subnet.
    #[error("subnet `{subnet}` does not exist: see `netctl subnet ls`")]
    NotFound {
        /// The name that was asked for.
        subnet: Name,
    },
    /// Endpoints have its addresses.
    #[error(
        "subnet `{subnet}` has {} address(es) in use, {addresses}: remove the pods that have them \
         first, see `netctl endpoint ls`",
        addresses.total()
    )]
    InUse {
        /// The subnet.
        subnet: Name,
        /// The addresses.
        addresses: Listing,
    },
}

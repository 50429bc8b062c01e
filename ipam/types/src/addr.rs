//! Subnets' CIDRs and ranges of addresses.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use ipnetwork::IpNetwork;

use crate::text::serde_as_text;

/// The CIDR of a subnet: a network address without host bits, and a prefix length.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Cidr(IpNetwork);

/// Text that is no CIDR of a subnet.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ParseCidrError {
    /// Not `<address>/<prefix length>`.
    #[error("CIDR `{0}` is not valid: write it as `<address>/<prefix length>`, like `10.1.0.0/24`")]
    Malformed(String),
    /// An address of the subnet rather than the subnet.
    #[error("CIDR `{given}` has host bits set: did you mean `{meant}`?")]
    HostBits {
        /// What was given.
        given: String,
        /// The same with the host bits cleared.
        meant: Cidr,
    },
}

impl Cidr {
    /// The network address, the CIDR's first.
    #[must_use]
    pub fn network(self) -> IpAddr {
        self.0.network()
    }

    /// The CIDR's last address (for IPv4, the broadcast address of anything wider than a /31).
    #[must_use]
    pub fn last(self) -> IpAddr {
        self.0.broadcast()
    }

    /// The prefix length, in bits.
    #[must_use]
    pub fn prefix(self) -> u8 {
        self.0.prefix()
    }

    /// Whether `ip` is in the CIDR. An address of the other family never is.
    #[must_use]
    pub fn contains(self, ip: IpAddr) -> bool {
        self.0.contains(ip)
    }

    /// Whether any address is in both.
    #[must_use]
    pub fn overlaps(self, other: Self) -> bool {
        self.contains(other.network()) || other.contains(self.network())
    }

    /// The addresses a host may have: for IPv4 without network and broadcast address (unless /31
    /// or /32, RFC 3021), for IPv6 without the subnet-router anycast address (RFC 4291, 2.6.1).
    #[must_use]
    pub fn hosts(self) -> AddressRange {
        let step = |ip: IpAddr, forward: bool| match ip {
            IpAddr::V4(v4) => {
                let bits = u32::from(v4);
                IpAddr::V4(if forward { bits + 1 } else { bits - 1 }.into())
            }
            IpAddr::V6(v6) => {
                let bits = u128::from(v6);
                IpAddr::V6(if forward { bits + 1 } else { bits - 1 }.into())
            }
        };
        let (first, last) = (self.network(), self.last());
        match self.0 {
            IpNetwork::V4(net) if net.prefix() < 31 => AddressRange {
                first: step(first, true),
                last: step(last, false),
            },
            IpNetwork::V6(net) if net.prefix() < 127 => AddressRange {
                first: step(first, true),
                last,
            },
            _ => AddressRange { first, last },
        }
    }
}

impl FromStr for Cidr {
    type Err = ParseCidrError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let malformed = || ParseCidrError::Malformed(text.to_owned());
        // `IpNetwork` would take a bare address as a /32.
        if !text.contains('/') {
            return Err(malformed());
        }
        let given: IpNetwork = text.parse().map_err(|_| malformed())?;
        let network = IpNetwork::new(given.network(), given.prefix()).map_err(|_| malformed())?;
        if given.ip() == network.ip() {
            Ok(Self(network))
        } else {
            Err(ParseCidrError::HostBits {
                given: text.to_owned(),
                meant: Self(network),
            })
        }
    }
}

impl fmt::Display for Cidr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.network(), self.prefix())
    }
}

serde_as_text!(Cidr);

/// Addresses from `first` to `last`, both included, of one family; written `10.1.0.10-10.1.0.99`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AddressRange {
    first: IpAddr,
    last: IpAddr,
}

/// Text or bounds that are no range of addresses.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ParseRangeError {
    /// Not `<first>-<last>` or one address.
    #[error(
        "address range `{0}` is not valid: write it as `<first>-<last>`, like \
         `10.1.0.10-10.1.0.99`, or as one address"
    )]
    Malformed(String),
    /// The first address comes after the last one, or they are of different families.
    #[error(
        "address range `{first}-{last}` is not valid: `{first}` must not come after `{last}`, and both must be of one family"
    )]
    Backwards {
        /// The range's first address.
        first: IpAddr,
        /// The range's last address.
        last: IpAddr,
    },
}

impl AddressRange {
    /// The range from `first` to `last`.
    ///
    /// # Errors
    ///
    /// [`ParseRangeError::Backwards`] if `first` comes after `last` or they are of two families.
    pub fn new(first: IpAddr, last: IpAddr) -> Result<Self, ParseRangeError> {
        if first.is_ipv4() == last.is_ipv4() && first <= last {
            Ok(Self { first, last })
        } else {
            Err(ParseRangeError::Backwards { first, last })
        }
    }

    /// The first address.
    #[must_use]
    pub fn first(self) -> IpAddr {
        self.first
    }

    /// The last address.
    #[must_use]
    pub fn last(self) -> IpAddr {
        self.last
    }

    /// Whether `ip` is in the range.
    #[must_use]
    pub fn contains(self, ip: IpAddr) -> bool {
        ip.is_ipv4() == self.first.is_ipv4() && (self.first..=self.last).contains(&ip)
    }

    /// Whether any address is in both.
    #[must_use]
    pub fn overlaps(self, other: Self) -> bool {
        self.contains(other.first) || other.contains(self.first)
    }
}

impl FromStr for AddressRange {
    type Err = ParseRangeError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let malformed = || ParseRangeError::Malformed(text.to_owned());
        let (first, last) = text.split_once('-').unwrap_or((text, text));
        let first = first.trim().parse().map_err(|_| malformed())?;
        let last = last.trim().parse().map_err(|_| malformed())?;
        Self::new(first, last)
    }
}

impl fmt::Display for AddressRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.first, self.last)
    }
}

serde_as_text!(AddressRange);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cidr_with_host_bits_is_refused_and_the_right_one_named() {
        let error = "10.1.0.7/24".parse::<Cidr>().unwrap_err().to_string();
        assert_eq!(
            error,
            "CIDR `10.1.0.7/24` has host bits set: did you mean `10.1.0.0/24`?"
        );
    }

    #[test]
    fn malformed_cidrs_are_refused() {
        for bad in [
            "",
            "10.1.0.0",
            "10.1.0.0/33",
            "10.1/16",
            "fd00::/129",
            "/24",
        ] {
            let error = bad.parse::<Cidr>().unwrap_err().to_string();
            assert!(error.contains(&format!("`{bad}`")), "{error}");
        }
    }

    #[test]
    fn hosts_leave_out_network_and_broadcast_address() {
        let hosts = |text: &str| text.parse::<Cidr>().unwrap().hosts().to_string();
        assert_eq!(hosts("10.1.0.0/24"), "10.1.0.1-10.1.0.254");
        assert_eq!(hosts("10.1.0.0/31"), "10.1.0.0-10.1.0.1");
        assert_eq!(hosts("10.1.0.9/32"), "10.1.0.9-10.1.0.9");
        assert_eq!(hosts("0.0.0.0/0"), "0.0.0.1-255.255.255.254");
        assert_eq!(hosts("fd00::/64"), "fd00::1-fd00::ffff:ffff:ffff:ffff");
    }

    #[test]
    fn overlap_is_seen_from_both_sides() {
        let cidr = |text: &str| text.parse::<Cidr>().unwrap();
        assert!(cidr("10.0.0.0/8").overlaps(cidr("10.1.0.0/24")));
        assert!(cidr("10.1.0.0/24").overlaps(cidr("10.0.0.0/8")));
        assert!(!cidr("10.1.0.0/24").overlaps(cidr("10.1.1.0/24")));
        assert!(!cidr("0.0.0.0/0").overlaps(cidr("::/0")));
    }

    #[test]
    fn ranges_run_forward_within_one_family() {
        let range = "10.1.0.10-10.1.0.99".parse::<AddressRange>().unwrap();
        assert_eq!(range.to_string(), "10.1.0.10-10.1.0.99");
        assert!(range.contains("10.1.0.99".parse().unwrap()));
        assert!(!range.contains("10.1.0.100".parse().unwrap()));
        for bad in [
            "10.1.0.99-10.1.0.10",
            "10.1.0.1-fd00::1",
            "10.1.0.1-",
            "x-y",
        ] {
            assert!(bad.parse::<AddressRange>().is_err(), "{bad}");
        }
    }
}

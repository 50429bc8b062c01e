//! VLAN ids.

use std::fmt;
use std::str::FromStr;

use crate::text::serde_as_number;

/// An IEEE 802.1Q VLAN id that a network may use: 1–4094.
///
/// 0 (priority tag) and 4095 (reserved) are not VLANs; "untagged" is the absence of a `VlanId`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct VlanId(u16);

/// A number or text that is no usable VLAN id.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("VLAN id `{0}` is not in 1–4094: choose a VLAN that the top-of-rack switch trunks")]
pub struct VlanIdError(String);

impl VlanId {
    /// The smallest VLAN id.
    pub const MIN: Self = Self(1);
    /// The largest VLAN id.
    pub const MAX: Self = Self(4094);
}

impl TryFrom<i64> for VlanId {
    type Error = VlanIdError;

    fn try_from(number: i64) -> Result<Self, Self::Error> {
        u16::try_from(number)
            .ok()
            .map(Self)
            .filter(|id| (Self::MIN..=Self::MAX).contains(id))
            .ok_or_else(|| VlanIdError(number.to_string()))
    }
}

impl From<VlanId> for u16 {
    fn from(id: VlanId) -> Self {
        id.0
    }
}

impl FromStr for VlanId {
    type Err = VlanIdError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let number = text
            .parse::<i64>()
            .map_err(|_| VlanIdError(text.to_owned()))?;
        Self::try_from(number)
    }
}

impl fmt::Display for VlanId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

serde_as_number!(VlanId, u16, 1..=4094);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_1_to_4094_are_vlan_ids() {
        for bad in ["0", "4095", "-1", "65636", "", "blue", "1.5"] {
            let error = bad.parse::<VlanId>().unwrap_err().to_string();
            assert!(
                error.contains(&format!("`{bad}`")) && error.contains("1–4094"),
                "{error}"
            );
        }
        for good in ["1", "100", "4094"] {
            assert_eq!(good.parse::<VlanId>().unwrap().to_string(), good);
        }
    }

    #[test]
    fn json_number_out_of_range_is_refused_with_the_range() {
        let error = serde_json::from_str::<VlanId>("4095")
            .unwrap_err()
            .to_string();
        assert!(
            error.contains("`4095`") && error.contains("1–4094"),
            "{error}"
        );
        assert_eq!(serde_json::from_str::<VlanId>("7").unwrap(), VlanId(7));
    }
}

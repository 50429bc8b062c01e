//! Names, addresses, labels: text that becomes a type and is printed again.

use std::fmt::{Debug, Display};
use std::str::FromStr;

use trunkline_types::{
    AddressRange, Attachment, Cidr, ContainerId, InterfaceName, LabelKey, LabelValue, MacAddr, Name,
};

/// Text is refused by each type, or read as a value that prints as text which reads the same; JSON
/// is read by the same rules.
///
/// # Panics
///
/// If that is not so.
pub fn vocabulary(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else {
        return;
    };
    round_trips::<Name>(text);
    round_trips::<InterfaceName>(text);
    round_trips::<ContainerId>(text);
    round_trips::<Attachment>(text);
    round_trips::<MacAddr>(text);
    round_trips::<Cidr>(text);
    round_trips::<AddressRange>(text);
    round_trips::<LabelKey>(text);
    round_trips::<LabelValue>(text);
    if let Ok(cidr) = text.parse::<Cidr>() {
        let hosts = cidr.hosts();
        assert!(cidr.contains(hosts.first()) && cidr.contains(hosts.last()));
    }
}

fn round_trips<T>(text: &str)
where
    T: FromStr<Err: Display> + Display + Debug + PartialEq + serde::de::DeserializeOwned,
{
    let json = serde_json::Value::String(text.to_owned());
    match text.parse::<T>() {
        Ok(value) => {
            let printed = value.to_string();
            assert_eq!(
                printed.parse::<T>().ok().as_ref(),
                Some(&value),
                "{printed}"
            );
            assert_eq!(serde_json::from_value::<T>(json).ok(), Some(value));
        }
        Err(error) => {
            assert!(!error.to_string().is_empty());
            assert!(serde_json::from_value::<T>(json).is_err());
        }
    }
}

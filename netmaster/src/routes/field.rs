//! The fields that lists can be narrowed down by, and what their values may be.

use std::error::Error;
use std::net::IpAddr;
use std::str::FromStr;

use serde::Deserialize as _;
use trunkline_ipam::{AuditResult, EventKind};
use trunkline_netmaster_api::{AddressState, Level, Role};
use trunkline_types::{Attachment, Cidr, MacAddr, Name, VlanId, chain};

/// A field that lists can be narrowed down by, and its values in a view: none, one or several.
pub(crate) struct Field<V> {
    pub(crate) name: &'static str,
    /// What its values are.
    pub(crate) form: Form,
    pub(crate) values: fn(&V) -> Vec<String>,
}

/// What the values of a field are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    /// Names that are given here.
    Name,
    /// VLAN ids.
    Vlan,
    /// MAC addresses.
    Mac,
    /// CIDRs.
    Cidr,
    /// IP addresses.
    Ip,
    /// Attachments.
    Attachment,
    /// States of addresses.
    State,
    /// Levels of groups.
    Level,
    /// Roles.
    Role,
    /// Results of requests that are recorded.
    Result,
    /// Kinds of events.
    EventKind,
    /// Anything: what is Kubernetes' to name, what an event is about, who asked, and what a record
    /// of the audit, which may be about objects of whatever kind, calls them.
    Text,
}

impl Form {
    /// A value in the one form that answers have it in, so that it can be compared. What cannot be a
    /// value of such a field would match nothing, and never be noticed.
    ///
    /// # Errors
    ///
    /// Why it cannot be one.
    pub(super) fn read(self, value: &str) -> Result<String, String> {
        match self {
            Self::Name => as_one::<Name>(value),
            Self::Vlan => as_one::<VlanId>(value),
            Self::Mac => as_one::<MacAddr>(value),
            Self::Cidr => as_one::<Cidr>(value),
            Self::Attachment => as_one::<Attachment>(value),
            Self::Ip => match value.parse::<IpAddr>() {
                Ok(ip) => Ok(ip.to_string()),
                Err(_) => Err(format!(
                    "`{}` is not an IP address: write it like `10.1.0.1` or `fd00::1`",
                    value.escape_debug()
                )),
            },
            Self::State => one_of(value, &AddressState::ALL.map(AddressState::as_str)),
            Self::Level => one_of(value, &Level::OF_GROUPS.map(Level::as_str)),
            Self::Role => as_one::<Role>(value),
            Self::Result => one_of(value, &AuditResult::ALL.map(AuditResult::name)),
            Self::EventKind => match EventKind::deserialize(serde_json::Value::from(value)) {
                Ok(_) => Ok(value.to_owned()),
                // It names those that there are.
                Err(error) => Err(error.to_string()),
            },
            Self::Text => Ok(value.to_owned()),
        }
    }
}

fn as_one<T>(value: &str) -> Result<String, String>
where
    T: FromStr<Err: Error + 'static> + ToString,
{
    let value: Result<T, _> = value.parse();
    value
        .map(|value| value.to_string())
        .map_err(|error| chain(&error))
}

fn one_of(value: &str, known: &[&str]) -> Result<String, String> {
    if known.contains(&value) {
        return Ok(value.to_owned());
    }
    let choices: Vec<_> = known.iter().map(|one| format!("`{one}`")).collect();
    Err(format!(
        "`{}` is none of its values: use {}",
        value.escape_debug(),
        choices.join(", ")
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_may_be_written_in_any_form_that_it_has() {
        for (form, given, one) in [
            (Form::Ip, "FD00:0::1", "fd00::1"),
            (Form::Mac, "02:AA:00:00:00:01", "02:aa:00:00:00:01"),
            (Form::Vlan, "0100", "100"),
            (Form::Text, "Node N1", "Node N1"),
            (Form::Role, "viewer", "viewer"),
            (Form::Result, "denied", "denied"),
        ] {
            assert_eq!(form.read(given).as_deref(), Ok(one), "{form:?}");
        }
    }

    #[test]
    fn what_cannot_be_a_value_of_a_field_is_refused() {
        for (form, value) in [
            (Form::Vlan, "abc"),
            (Form::Vlan, "4095"),
            (Form::Vlan, ""),
            (Form::Name, "Blue!"),
            (Form::Ip, "10.1.0"),
            (Form::Ip, "here"),
            (Form::Mac, "02:01"),
            (Form::Cidr, "10.1.0.1/24"),
            (Form::Attachment, "c1"),
            (Form::State, "lost"),
            (Form::Level, "rack"),
            (Form::EventKind, "party"),
            (Form::Role, "king"),
            (Form::Result, "undone"),
        ] {
            let error = form.read(value).unwrap_err();
            assert!(error.contains(&format!("`{value}`")), "{form:?}: {error}");
        }
    }
}

//! Refusals of many objects at once.

use trunkline_ipam::{Key, Kind, Reason, Refused};
use trunkline_netmaster_api::{ErrorCode, RefusedObject};
use trunkline_types::chain;

use super::super::access::Caller;
use crate::failure::{Failure, code};

/// How many objects a refusal names.
const NAMED: usize = 100;

pub(super) fn of_apply(caller: &Caller, refused: Refused) -> Failure {
    of_all("objects", objects(caller, refused))
}

pub(super) fn of_import(caller: &Caller, refused: Refused) -> Failure {
    of_all("addresses", objects(caller, refused))
}

fn objects(caller: &Caller, refused: Refused) -> Vec<RefusedObject> {
    let objects = refused.objects.into_iter().map(|refusal| {
        let (kind, reason) = (refusal.key.kind(), refusal.why.reason());
        let named = refusal.why.field().and_then(|name| written(kind, name));
        RefusedObject {
            index: refusal.index.and_then(|index| u32::try_from(index).ok()),
            kind: kind.noun().to_owned(),
            name: refusal.key.name(),
            code: code(reason),
            detail: caller
                .instead(refusal.why.discreetly())
                .unwrap_or_else(|| chain(refusal.why.as_ref())),
            field: named.or_else(|| field(kind, reason)).map(str::to_owned),
        }
    });
    objects.collect()
}

/// The failure of a request whose object at `index` of `list` is refused.
pub(super) fn of_one(list: &str, index: usize, key: &Key, failure: &Failure) -> Failure {
    let problem = failure.problem();
    let refused = RefusedObject {
        index: u32::try_from(index).ok(),
        kind: key.kind().noun().to_owned(),
        name: key.name(),
        code: problem.code,
        detail: problem.detail.clone(),
        field: None,
    };
    of_all(list, vec![refused])
}

/// The failure of a request whose objects in `list` are refused. It is about the first one, and
/// names the others.
pub(super) fn of_all(list: &str, mut refused: Vec<RefusedObject>) -> Failure {
    let count = refused.len();
    refused.truncate(NAMED);
    let Some(first) = refused.first() else {
        return Failure::new(ErrorCode::Internal, "nothing is refused");
    };
    let place = match first.index {
        Some(index) => format!("{list}[{index}]"),
        None => "what is not in the list".to_owned(),
    };
    let others = match count {
        1 => String::new(),
        _ => format!(" (and {} more, see `objects`)", count - 1),
    };
    let detail = format!(
        "{place}, {} `{}`: {}{others}",
        first.kind, first.name, first.detail
    );
    let field = match (&first.index, &first.field) {
        (Some(_), Some(field)) => Some(format!("{place}.{field}")),
        (Some(_), None) => Some(place),
        (None, _) => None,
    };
    let failure = Failure::new(first.code, detail);
    let failure = match field {
        Some(field) => failure.of_field(&field),
        None => failure,
    };
    failure.of_objects(refused)
}

/// What the field that a refusal names is called in the request. An address that is imported is
/// refused as the reservation that would be made of it.
fn written(kind: Kind, name: &'static str) -> Option<&'static str> {
    match (kind, name) {
        (Kind::Address, "addresses") => Some("ip"),
        (Kind::Address, "holder") => Some("pod"),
        // Those are said once for all addresses.
        (Kind::Address, "retention" | "reason") => None,
        _ => Some(name),
    }
}

/// The field of an object of `kind` that is at odds with what is there, where that is certain.
fn field(kind: Kind, reason: Reason) -> Option<&'static str> {
    match (kind, reason) {
        (Kind::Network, Reason::VlanInUse | Reason::InUse(Kind::Network)) => Some("vlan"),
        (Kind::Subnet, Reason::Overlap) => Some("cidr"),
        (Kind::Pool, Reason::Overlap) => Some("ranges"),
        (Kind::Reservation, Reason::AddressInUse | Reason::MacInUse) => Some("addresses"),
        (Kind::Reservation, Reason::NotFound(Kind::Subnet) | Reason::Full) => Some("subnets"),
        (Kind::Address, Reason::NotFound(Kind::Subnet) | Reason::AddressInUse) => Some("ip"),
        (Kind::Address, Reason::MacInUse) => Some("mac"),
        (Kind::Address, Reason::NotFound(Kind::Node) | Reason::WrongRack) => Some("node"),
        (Kind::Address, Reason::AttachmentInUse) => Some("attachment"),
        (own, Reason::NotFound(other)) if own != other => match other {
            Kind::Network => Some("network"),
            Kind::Subnet => Some("subnet"),
            Kind::Pool => Some("pool"),
            Kind::Profile => Some("profile"),
            _ => None,
        },
        _ => None,
    }
}

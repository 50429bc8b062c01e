//! The audit: who did what, or was not let do it. Stored, but not in memory.

use std::net::IpAddr;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{Revision, Timestamp};

/// One thing that somebody did or was refused. It is written together with what was done, and never
/// changed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Audit {
    /// When.
    pub at: Timestamp,
    /// Who, like `operator:alice`, `token:ci` or `local`; none if nobody is known by what the
    /// request came with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub identity: Option<String>,
    /// The address that the request came from; none if it is not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<IpAddr>,
    /// The method of the request, like `PUT`.
    pub method: String,
    /// The path of the request, without what it has to say beside; of a very long one, the
    /// beginning.
    pub path: String,
    /// What kind of object it is about, like `network`; none if that cannot be told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
    /// The object's name, like `blue` or `blue-r1/web`; none if that cannot be told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The object as the API showed it before; none if there was none, or nothing was done.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<Value>,
    /// The object as the API showed it afterwards; none if it was gone, or nothing was done.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<Value>,
    /// What became of each object, of a request about many: then it is they that have a kind and a
    /// name, and were so before and afterwards.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub objects: Vec<AuditedObject>,
    /// What came of it.
    pub result: AuditResult,
    /// Why it was not done, as the code of the answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    /// How many attempts of the same identity that were not done are left out before this one,
    /// because there were too many.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub omitted: u64,
    /// The change that it happened with; no two records share one.
    pub revision: Revision,
}

/// One of the objects that a request about many changed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuditedObject {
    /// What kind of object it is.
    pub kind: String,
    /// Its name.
    pub name: String,
    /// The object as it is written in a list of many, before; none if there was none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<Value>,
    /// The same afterwards; none if it was gone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<Value>,
}

/// What came of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AuditResult {
    /// It was done.
    Done,
    /// It was not, because it makes no sense here.
    Refused,
    /// It was not, because it is not known who asks, or they may not.
    Denied,
}

impl AuditResult {
    /// Whatever can come of one.
    pub const ALL: [Self; 3] = [Self::Done, Self::Refused, Self::Denied];

    /// Its one written form.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Refused => "refused",
            Self::Denied => "denied",
        }
    }
}

fn is_zero(number: &u64) -> bool {
    *number == 0
}

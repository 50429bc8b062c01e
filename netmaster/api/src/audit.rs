//! The audit: who did what, or was not let do it.

use std::net::IpAddr;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use crate::{field, schema};

/// One thing that somebody did or was refused.
///
/// ```json
/// {"revision": 17, "at": 1700000000, "identity": "token:ci", "from": "10.0.0.7",
///  "method": "PUT", "path": "/v1/networks/blue", "kind": "network", "name": "blue",
///  "before": {"name": "blue", "vlan": 100, "mtu": 1500, "revision": 3},
///  "after": {"name": "blue", "vlan": 100, "mtu": 9000, "revision": 17}, "result": "done"}
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Audit {
    /// The number of the change it happened with; no two records share one.
    pub revision: u64,
    /// When, in seconds since 1970-01-01 00:00:00 UTC.
    pub at: u64,
    /// Who: `<role>:<name>` of a certificate, `token:<name>`, `local`, or `anonymous` on a network
    /// where everybody is trusted; absent if nobody is known by what the request came with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub identity: Option<String>,
    /// The address that the request came from; absent if it is not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<schema::Ip>)]
    pub from: Option<IpAddr>,
    /// The request's method.
    pub method: String,
    /// The request's path, without parameters; of a very long one, the beginning.
    pub path: String,
    /// What kind of object it is about; absent if that cannot be told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
    /// The object's name, like `blue` or `blue-r1/web`; absent if that cannot be told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The object as it was shown before; absent if there was none, or nothing was done. One of
    /// more than 32 KiB is left out, and its size in bytes told instead, as `omitted_bytes`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    pub before: Option<Value>,
    /// The object as it was shown afterwards; absent if it was gone, or nothing was done. What
    /// takes several changes is recorded with the first one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    pub after: Option<Value>,
    /// What became of each object, of a request about many: then it is they that have a kind and a
    /// name, and were so before and afterwards. Absent of any other request.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub objects: Vec<AuditedObject>,
    /// What came of it: `done`; `refused`, because it made no sense; or `denied`, because it was
    /// not known who asked, or they might not.
    pub result: String,
    /// Why it was not done: the code of the answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    /// How many attempts of the same identity that were not done are left out before this one,
    /// because there were more than 20 in a minute; absent if none.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub omitted: u64,
}

/// What a replica refused while it followed, for the leader to record.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Refusals {
    /// The records: of what was refused or denied, without what was there before and afterwards. At
    /// most 100.
    #[serde(deserialize_with = "field::list::<_, _, 100>")]
    #[schema(max_items = 100)]
    pub records: Vec<Audit>,
}

/// One of the objects that a request about many changed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct AuditedObject {
    /// What kind of object it is.
    pub kind: String,
    /// Its name, like `blue` or `blue-r1/web`.
    pub name: String,
    /// The object as apply and export write it, before; absent if there was none. What is too large
    /// is left out, as of one object alone: all of a request together have 256 KiB.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    pub before: Option<Value>,
    /// The same afterwards; absent if it was gone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    pub after: Option<Value>,
}

fn is_zero(number: &u64) -> bool {
    *number == 0
}

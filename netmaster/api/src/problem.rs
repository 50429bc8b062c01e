//! Problem documents.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::ErrorCode;

/// Why a request was not done, as RFC 9457 has it.
///
/// ```json
/// {"type": "urn:trunkline:problem:vlan_in_use", "title": "VLAN in use", "status": 409,
///  "detail": "VLAN `100` is in use by network `blue`: choose another VLAN, or …",
///  "code": "vlan_in_use"}
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Problem {
    /// The code as a URN.
    #[serde(rename = "type")]
    pub kind: String,
    /// The code in a few words.
    pub title: String,
    /// The HTTP status.
    pub status: u16,
    /// What went wrong, with the values that matter, and the way out.
    pub detail: String,
    /// What went wrong, for programs.
    pub code: ErrorCode,
    /// With `stale_revision`: the revision that the object is at.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub current: Option<u64>,
    /// With the codes of status 422, but for `invalid_path`: the field's path in the body, like
    /// `addresses[0].ip`, or the parameter.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub field: Option<String>,
    /// With a request about many objects: those that stand in the way, at most 100. Code, detail
    /// and field of the problem itself are those of the first one.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub objects: Vec<RefusedObject>,
}

/// An object of a request about many that cannot be as it is wanted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct RefusedObject {
    /// Its place in the request, from 0; absent if it is not in it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub index: Option<u32>,
    /// Its kind, like `network`; empty if none can be read.
    pub kind: String,
    /// Its name; empty if none can be read.
    pub name: String,
    /// What went wrong, for programs.
    pub code: ErrorCode,
    /// What went wrong, with the values that matter, and the way out.
    pub detail: String,
    /// The field's path in the object, if it is about one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub field: Option<String>,
}

impl Problem {
    /// The media type of a problem document.
    pub const MEDIA_TYPE: &'static str = "application/problem+json";

    /// The problem with this code and text.
    #[must_use]
    pub fn new(code: ErrorCode, detail: impl Into<String>) -> Self {
        Self {
            kind: format!("urn:trunkline:problem:{}", code.name()),
            title: code.title().to_owned(),
            status: code.status(),
            detail: detail.into(),
            code,
            current: None,
            field: None,
            objects: Vec::new(),
        }
    }

    /// The same, with the revision that the object is at.
    #[must_use]
    pub fn at(self, current: u64) -> Self {
        Self {
            current: Some(current),
            ..self
        }
    }

    /// The same, with the objects that stand in the way.
    #[must_use]
    pub fn of_objects(self, objects: Vec<RefusedObject>) -> Self {
        Self { objects, ..self }
    }

    /// The same, with the field or parameter that is not valid.
    #[must_use]
    pub fn of_field(self, field: impl Into<String>) -> Self {
        Self {
            field: Some(field.into()),
            ..self
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_problem_looks_as_documented() {
        let problem = Problem::new(ErrorCode::VlanInUse, "VLAN `100` is in use");
        assert_eq!(
            serde_json::to_value(&problem).unwrap(),
            serde_json::json!({
                "type": "urn:trunkline:problem:vlan_in_use",
                "title": "VLAN in use",
                "status": 409,
                "detail": "VLAN `100` is in use",
                "code": "vlan_in_use",
            })
        );
    }

    #[test]
    fn what_a_program_needs_beside_the_code_is_a_member_of_its_own() {
        let problem = Problem::new(ErrorCode::StaleRevision, "").at(17);
        assert_eq!(serde_json::to_value(&problem).unwrap()["current"], 17);
        let problem = Problem::new(ErrorCode::InvalidField, "").of_field("ranges[1]");
        let value = serde_json::to_value(&problem).unwrap();
        assert_eq!(value["field"], "ranges[1]");
    }

    #[test]
    fn a_code_of_a_newer_netmaster_is_read_as_unknown() {
        let text = r#"{"type": "x", "title": "x", "status": 418, "detail": "x", "code": "teapot"}"#;
        let problem: Problem = serde_json::from_str(text).unwrap();
        assert_eq!(problem.code, ErrorCode::Unknown);
    }
}

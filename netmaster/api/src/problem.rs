//! Problem documents.

use serde::{Deserialize, Serialize};

use crate::ErrorCode;

/// Why a request was not done, as RFC 9457 has it.
///
/// ```json
/// {"type": "urn:trunkline:problem:vlan_in_use", "title": "VLAN in use", "status": 409,
///  "detail": "VLAN `100` is in use by network `blue`: choose another VLAN, or …",
///  "code": "vlan_in_use"}
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
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
}

impl Problem {
    /// The media type of a problem document.
    pub const MEDIA_TYPE: &'static str = "application/problem+json";

    /// The problem with this code and text.
    #[must_use]
    pub fn new(code: ErrorCode, detail: impl Into<String>) -> Self {
        // A code's one written form is its serde name.
        let name = serde_json::to_value(code).unwrap_or_default();
        Self {
            kind: format!(
                "urn:trunkline:problem:{}",
                name.as_str().unwrap_or("unknown")
            ),
            title: code.title().to_owned(),
            status: code.status(),
            detail: detail.into(),
            code,
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
    fn a_code_of_a_newer_netmaster_is_read_as_unknown() {
        let text = r#"{"type": "x", "title": "x", "status": 418, "detail": "x", "code": "teapot"}"#;
        let problem: Problem = serde_json::from_str(text).unwrap();
        assert_eq!(problem.code, ErrorCode::Unknown);
    }
}

//! What a request will have in the audit, as far as it is known before it is done.

use std::net::IpAddr;
use std::sync::{Arc, OnceLock};

use axum::http::Method;
use trunkline_ipam::{Audit, AuditResult, Key, Revision, Timestamp};

use crate::identity::IdentityName;

/// How many bytes of a path are kept.
const PATH: usize = 256;

/// Who asks what. Clones are one and the same.
#[derive(Clone, Debug)]
pub(crate) struct Trail {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    /// By what the request came with.
    identity: Option<String>,
    /// By what is in it, which counts more.
    known_as: OnceLock<String>,
    from: Option<IpAddr>,
    method: String,
    path: String,
    /// Whether it is recorded if it is done, or refused for another reason than who asks.
    recorded: bool,
    /// What it is about, if that is known better than by the path.
    about: OnceLock<Key>,
    /// Said of one that changes nothing whatever comes of it.
    rehearses: OnceLock<()>,
}

impl Trail {
    pub(crate) fn new(
        identity: Option<String>,
        from: Option<IpAddr>,
        method: &Method,
        path: &str,
        recorded: bool,
    ) -> Self {
        let shared = Shared {
            identity,
            known_as: OnceLock::new(),
            from,
            method: method.to_string(),
            path: beginning(path).to_owned(),
            recorded,
            about: OnceLock::new(),
            rehearses: OnceLock::new(),
        };
        Self {
            shared: Arc::new(shared),
        }
    }

    /// That of no request: what is to be told of an identity only.
    pub(super) fn of_nobody(identity: Option<String>) -> Self {
        let shared = Shared {
            identity,
            known_as: OnceLock::new(),
            from: None,
            method: String::new(),
            path: String::new(),
            recorded: true,
            about: OnceLock::new(),
            rehearses: OnceLock::new(),
        };
        Self {
            shared: Arc::new(shared),
        }
    }

    /// Says who asks, which only what is in the request does.
    pub(crate) fn known_as(&self, name: &IdentityName) {
        // What was said first stands.
        let _ = self.shared.known_as.set(name.to_string());
    }

    /// Says what it is about, which the path of a `POST` does not.
    pub(crate) fn about(&self, key: Key) {
        // What was said first stands.
        let _ = self.shared.about.set(key);
    }

    /// Says that nothing is to be changed, only looked at what would be.
    pub(crate) fn rehearses(&self) {
        // Once is enough.
        let _ = self.shared.rehearses.set(());
    }

    /// Who asks; none if that is not known.
    pub(crate) fn identity(&self) -> Option<&str> {
        let known_as = self.shared.known_as.get();
        known_as
            .or(self.shared.identity.as_ref())
            .map(String::as_str)
    }

    /// From where; none if that is not known.
    pub(crate) fn from(&self) -> Option<IpAddr> {
        self.shared.from
    }

    /// Whether it is recorded if it is done.
    pub(crate) fn is_recorded(&self) -> bool {
        self.shared.recorded
    }

    /// Whether it is recorded if it is refused for another reason than who asks.
    pub(crate) fn has_refusals_recorded(&self) -> bool {
        self.shared.recorded && self.shared.rehearses.get().is_none()
    }

    /// The record, with nothing before and after, as something that was done.
    pub(crate) fn audit(&self, now: Timestamp) -> Audit {
        let shared = &self.shared;
        let (kind, name) = match shared.about.get() {
            Some(key) => (Some(key.kind().to_string()), Some(key.name())),
            None => named(&shared.path),
        };
        Audit {
            at: now,
            identity: self.identity().map(str::to_owned),
            from: shared.from,
            method: shared.method.clone(),
            path: shared.path.clone(),
            kind,
            name,
            before: None,
            after: None,
            objects: Vec::new(),
            result: AuditResult::Done,
            code: None,
            omitted: 0,
            revision: Revision::ZERO,
        }
    }
}

/// As much of a path, or of what else somebody says, as is kept.
pub(super) fn beginning(text: &str) -> &str {
    let mut end = text.len().min(PATH);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    &text[..end]
}

/// The kind and the name of the object in a path.
fn named(path: &str) -> (Option<String>, Option<String>) {
    let mut segments = path.split('/').skip(1);
    let kind = match (segments.next(), segments.next()) {
        (Some("v1"), Some("addresses")) => "address",
        (Some("v1"), Some("join")) => "node",
        (Some("v1"), Some("audit")) => "audit",
        // Those are about many objects, or about all.
        (
            Some("v1"),
            Some("apply" | "backup" | "check" | "export" | "import" | "status" | "usage"),
        ) => {
            return (None, None);
        }
        (Some("v1"), Some(kinds)) => kinds.strip_suffix('s').unwrap_or(kinds),
        _ => return (None, None),
    };
    let of_two = matches!(kind, "pool" | "endpoint");
    let name: Vec<&str> = segments.take(if of_two { 2 } else { 1 }).collect();
    let name = (!name.is_empty()).then(|| name.join("/"));
    (Some(kind.to_owned()), name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named_in(path: &str) -> (String, String) {
        let (kind, name) = named(path);
        (kind.unwrap_or_default(), name.unwrap_or_default())
    }

    #[test]
    fn a_path_tells_what_it_is_about() {
        for (path, kind, name) in [
            ("/v1/networks/blue", "network", "blue"),
            ("/v1/networks", "network", ""),
            ("/v1/addresses/10.1.0.7/release", "address", "10.1.0.7"),
            ("/v1/pools/blue-r1/web", "pool", "blue-r1/web"),
            ("/v1/endpoints/c1/eth0", "endpoint", "c1/eth0"),
            ("/v1/nodes/n1/waive", "node", "n1"),
            ("/v1/join", "node", ""),
            ("/v1/apply", "", ""),
            ("/v1/check/repair", "", ""),
            ("/healthz", "", ""),
            ("", "", ""),
        ] {
            let expected = (kind.to_owned(), name.to_owned());
            assert_eq!(named_in(path), expected, "{path}");
        }
    }

    #[test]
    fn what_the_handler_knows_counts_more_than_the_path() {
        let trail = Trail::new(None, None, &Method::POST, "/v1/networks", true);
        trail.about(Key::Network("blue".parse().unwrap()));
        let audit = trail.clone().audit(Timestamp::default());
        assert_eq!(audit.name.as_deref(), Some("blue"));
    }

    #[test]
    fn of_a_long_path_the_beginning_is_kept() {
        let path = format!("/v1/networks/{}", "é".repeat(1000));
        let trail = Trail::new(None, None, &Method::GET, &path, true);
        let kept = trail.audit(Timestamp::default()).path;
        assert!((PATH - 1..=PATH).contains(&kept.len()) && path.starts_with(&kept));
    }
}

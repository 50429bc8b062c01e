//! Labels, and selectors that choose by them, in Kubernetes' form.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::text::serde_as_text;

/// The key of a label: `[<prefix>/]<name>`. The name has 1–63 of letters, digits, `-`, `_` and
/// `.`, beginning and ending with a letter or digit; the prefix is a DNS name of at most 253 bytes.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LabelKey(Arc<str>);

/// The value of a label: empty, or 1–63 of letters, digits, `-`, `_` and `.`, beginning and ending
/// with a letter or digit.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LabelValue(Arc<str>);

/// Text that is no key or value of a label.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LabelError {
    /// No key.
    #[error(
        "label key `{0}` is not valid: use 1–63 of letters, digits, `-`, `_` and `.`, beginning \
         and ending with a letter or digit, if need be behind a DNS name and `/`"
    )]
    Key(String),
    /// No value.
    #[error(
        "label value `{0}` is not valid: leave it empty, or use 1–63 of letters, digits, `-`, `_` \
         and `.`, beginning and ending with a letter or digit"
    )]
    Value(String),
}

const NAME_MAX: usize = 63;
const PREFIX_MAX: usize = 253;

fn is_name(text: &str) -> bool {
    let ends = |byte: Option<u8>| byte.is_some_and(|byte| byte.is_ascii_alphanumeric());
    (1..=NAME_MAX).contains(&text.len())
        && ends(text.bytes().next())
        && ends(text.bytes().next_back())
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte))
}

fn is_dns_name(text: &str) -> bool {
    let is_label = |label: &str| {
        is_name(label)
            && label
                .bytes()
                .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
    };
    text.len() <= PREFIX_MAX && text.split('.').all(is_label)
}

impl LabelKey {
    /// The key as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for LabelKey {
    type Err = LabelError;

    fn from_str(text: &str) -> Result<Self, LabelError> {
        let valid = match text.split_once('/') {
            Some((prefix, name)) => is_dns_name(prefix) && is_name(name),
            None => is_name(text),
        };
        valid
            .then(|| Self(text.into()))
            .ok_or_else(|| LabelError::Key(text.to_owned()))
    }
}

impl fmt::Display for LabelKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

serde_as_text!(LabelKey);

impl LabelValue {
    /// The value as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for LabelValue {
    type Err = LabelError;

    fn from_str(text: &str) -> Result<Self, LabelError> {
        (text.is_empty() || is_name(text))
            .then(|| Self(text.into()))
            .ok_or_else(|| LabelError::Value(text.to_owned()))
    }
}

impl fmt::Display for LabelValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

serde_as_text!(LabelValue);

/// The labels of an object: each key once.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Labels(BTreeMap<LabelKey, LabelValue>);

impl Labels {
    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The value under `key`.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&LabelValue> {
        // A map of keys cannot be asked with plain text without a `Borrow` that compares alike;
        // an object has a handful of labels.
        self.iter()
            .find(|(known, _)| known.as_str() == key)
            .map(|(_, value)| value)
    }

    /// All labels, by key.
    pub fn iter(&self) -> impl Iterator<Item = (&LabelKey, &LabelValue)> {
        self.0.iter()
    }
}

impl FromIterator<(LabelKey, LabelValue)> for Labels {
    fn from_iter<I: IntoIterator<Item = (LabelKey, LabelValue)>>(labels: I) -> Self {
        Self(labels.into_iter().collect())
    }
}

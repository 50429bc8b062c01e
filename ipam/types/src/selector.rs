//! Selectors: which labels an object must have.

use std::fmt;
use std::str::FromStr;

use crate::label::{LabelError, LabelKey, LabelValue, Labels};
use crate::text::serde_as_text;

/// What an object's labels must be: all of some requirements, written as Kubernetes does:
/// `app=web,tier in (front,back),!legacy`. The empty selector matches everything.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Selector(Vec<Requirement>);

/// What the label under one key must be.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Requirement {
    /// `key=value`, `key in (a,b)`: it is there with one of these values.
    In(LabelKey, Vec<LabelValue>),
    /// `key!=value`, `key notin (a,b)`: it is absent or has another value.
    NotIn(LabelKey, Vec<LabelValue>),
    /// `key`: it is there.
    Exists(LabelKey),
    /// `!key`: it is absent.
    Absent(LabelKey),
}

/// Text that is no selector.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SelectorError {
    /// A part of it has none of the known forms.
    #[error(
        "selector `{given}` is not valid at `{part}`: write it like \
         `app=web,tier in (front,back),env!=test,!legacy`"
    )]
    Malformed {
        /// The whole text.
        given: String,
        /// The part that cannot be read.
        part: String,
    },
    /// A part of it names a key or value that none can have.
    #[error("selector `{given}` is not valid")]
    Label {
        /// The whole text.
        given: String,
        /// Which, and why.
        source: LabelError,
    },
    /// It has more requirements than anybody needs.
    #[error("selector has more than {max} requirements: use fewer", max = Selector::MAX_REQUIREMENTS)]
    TooLong,
}

impl Selector {
    const MAX_REQUIREMENTS: usize = 32;

    /// Whether `labels` meet every requirement.
    #[must_use]
    pub fn matches(&self, labels: &Labels) -> bool {
        self.0.iter().all(|requirement| requirement.is_met(labels))
    }

    /// Whether everything matches.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The requirements, all of which must be met.
    #[must_use]
    pub fn requirements(&self) -> &[Requirement] {
        &self.0
    }

    /// Whether it can be told that no labels match both: one of them wants of a key what the
    /// other rules out.
    #[must_use]
    pub fn excludes(&self, other: &Self) -> bool {
        self.0.iter().any(|one| {
            other
                .0
                .iter()
                .any(|two| one.excludes(two) || two.excludes(one))
        })
    }
}

impl Requirement {
    fn key(&self) -> &LabelKey {
        match self {
            Self::In(key, _) | Self::NotIn(key, _) | Self::Exists(key) | Self::Absent(key) => key,
        }
    }

    fn is_met(&self, labels: &Labels) -> bool {
        let value = labels.get(self.key().as_str());
        match self {
            Self::In(_, values) => value.is_some_and(|value| values.contains(value)),
            Self::NotIn(_, values) => !value.is_some_and(|value| values.contains(value)),
            Self::Exists(_) => value.is_some(),
            Self::Absent(_) => value.is_none(),
        }
    }

    fn excludes(&self, other: &Self) -> bool {
        if self.key() != other.key() {
            return false;
        }
        match (self, other) {
            (Self::In(_, ours), Self::In(_, theirs)) => {
                !ours.iter().any(|value| theirs.contains(value))
            }
            (Self::In(_, ours), Self::NotIn(_, theirs)) => {
                ours.iter().all(|value| theirs.contains(value))
            }
            (Self::In(..) | Self::Exists(_), Self::Absent(_)) => true,
            _ => false,
        }
    }
}

impl FromStr for Selector {
    type Err = SelectorError;

    fn from_str(text: &str) -> Result<Self, SelectorError> {
        if text.trim().is_empty() {
            return Ok(Self::default());
        }
        let mut requirements = split(text)
            .into_iter()
            .map(|part| requirement(text, part.trim()))
            .collect::<Result<Vec<_>, _>>()?;
        if requirements.len() > Self::MAX_REQUIREMENTS {
            return Err(SelectorError::TooLong);
        }
        requirements.sort();
        requirements.dedup();
        Ok(Self(requirements))
    }
}

/// The parts between the commas that are not within parentheses.
fn split(text: &str) -> Vec<&str> {
    let mut depth = 0_u32;
    text.split(move |c| {
        match c {
            '(' => depth = depth.saturating_add(1),
            ')' => depth = depth.saturating_sub(1),
            _ => {}
        }
        c == ',' && depth == 0
    })
    .collect()
}

fn requirement(given: &str, part: &str) -> Result<Requirement, SelectorError> {
    let label = |source| SelectorError::Label {
        given: given.to_owned(),
        source,
    };
    let key = |text: &str| text.trim().parse::<LabelKey>().map_err(label);
    let one = |text: &str| Ok(vec![text.trim().parse::<LabelValue>().map_err(label)?]);
    if let Some((left, right)) = part.split_once("!=") {
        return Ok(Requirement::NotIn(key(left)?, one(right)?));
    }
    if let Some((left, right)) = part.split_once("==").or_else(|| part.split_once('=')) {
        return Ok(Requirement::In(key(left)?, one(right)?));
    }
    if let Some(absent) = part.strip_prefix('!') {
        return Ok(Requirement::Absent(key(absent)?));
    }
    let Some((left, list)) = part.split_once('(') else {
        return Ok(Requirement::Exists(key(part)?));
    };
    let malformed = || SelectorError::Malformed {
        given: given.to_owned(),
        part: part.to_owned(),
    };
    let list = list.strip_suffix(')').ok_or_else(malformed)?;
    let (left, operator) = left
        .trim()
        .rsplit_once(char::is_whitespace)
        .ok_or_else(malformed)?;
    let mut values = list
        .split(',')
        .map(|value| value.trim().parse::<LabelValue>().map_err(label))
        .collect::<Result<Vec<_>, _>>()?;
    values.sort();
    values.dedup();
    match operator {
        "in" => Ok(Requirement::In(key(left)?, values)),
        "notin" => Ok(Requirement::NotIn(key(left)?, values)),
        _ => Err(malformed()),
    }
}

impl fmt::Display for Selector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, requirement) in self.0.iter().enumerate() {
            if index > 0 {
                f.write_str(",")?;
            }
            requirement.fmt(f)?;
        }
        Ok(())
    }
}

impl fmt::Display for Requirement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let list = |values: &[LabelValue]| {
            let values: Vec<_> = values.iter().map(LabelValue::as_str).collect();
            values.join(",")
        };
        match self {
            Self::In(key, values) => match values.as_slice() {
                [value] => write!(f, "{key}={value}"),
                _ => write!(f, "{key} in ({})", list(values)),
            },
            Self::NotIn(key, values) => match values.as_slice() {
                [value] => write!(f, "{key}!={value}"),
                _ => write!(f, "{key} notin ({})", list(values)),
            },
            Self::Exists(key) => key.fmt(f),
            Self::Absent(key) => write!(f, "!{key}"),
        }
    }
}

serde_as_text!(Selector);

#[cfg(test)]
mod tests {
    use super::*;

    fn selector(text: &str) -> Selector {
        text.parse().unwrap()
    }

    fn labels(text: &[(&str, &str)]) -> Labels {
        text.iter()
            .map(|(key, value)| (key.parse().unwrap(), value.parse().unwrap()))
            .collect()
    }

    #[test]
    fn every_requirement_must_be_met() {
        let web = labels(&[("app", "web"), ("tier", "front")]);
        for matching in [
            "",
            "app=web",
            "app==web",
            "app",
            "app in (web, db)",
            "!env",
            "env!=test",
            "env notin (test,qa)",
            "app=web,tier in (front),!env",
        ] {
            assert!(selector(matching).matches(&web), "{matching}");
        }
        for other in ["app=db", "env", "!app", "app!=web", "app=web,env=test"] {
            assert!(!selector(other).matches(&web), "{other}");
        }
    }

    #[test]
    fn a_selector_is_printed_as_it_is_read() {
        for text in ["", "app=web", "!env,app in (db,web),tier,zone notin (a,b)"] {
            let parsed = selector(text);
            assert_eq!(selector(&parsed.to_string()), parsed, "{text}");
        }
    }

    #[test]
    fn text_that_is_no_selector_is_quoted_in_the_refusal() {
        for bad in [
            "app=",
            ",",
            "a b",
            "app in web",
            "app in (web",
            "=web",
            "a in (),",
            "app=we b",
        ] {
            // `app=` is a key with the empty value: as Kubernetes has it.
            if bad == "app=" {
                assert!(bad.parse::<Selector>().is_ok());
                continue;
            }
            let error = bad.parse::<Selector>().unwrap_err().to_string();
            assert!(error.contains(&format!("`{bad}`")), "{error}");
        }
    }

    #[test]
    fn selectors_exclude_each_other_where_one_key_decides() {
        for (one, two) in [
            ("app=web", "app=db"),
            ("app in (a,b)", "app notin (a,b,c)"),
            ("app", "!app"),
            ("x=1,app=web", "!app,y=2"),
        ] {
            assert!(selector(one).excludes(&selector(two)), "{one} {two}");
            assert!(selector(two).excludes(&selector(one)), "{two} {one}");
        }
        for (one, two) in [
            ("app=web", "tier=db"),
            ("app", "app=web"),
            ("", "app=a"),
            ("app!=a", "!app"),
        ] {
            assert!(!selector(one).excludes(&selector(two)), "{one} {two}");
        }
    }
}

//! How fields are read that the vocabulary has no type of its own for: strictly, and with refusals
//! that quote what was given.

use std::fmt;
use std::marker::PhantomData;
use std::net::IpAddr;

use serde::de::{Error, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use trunkline_types::{LabelKey, LabelValue, Labels, Pod, whole};

/// How many labels an object has at most.
const LABELS: usize = 64;

/// Kubernetes' limit, for namespaces and names alike.
const POD_NAME: usize = 253;

/// Reads an address; unlike the one of the standard library, the refusal quotes what was given.
pub(crate) fn ip<'de, D: Deserializer<'de>>(deserializer: D) -> Result<IpAddr, D::Error> {
    Address::deserialize(deserializer).map(|address| address.0)
}

/// Reads at most two addresses.
pub(crate) fn fixed<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<IpAddr>, D::Error> {
    addresses_up_to::<D, 2>(deserializer)
}

/// Reads as many addresses as a node may keep.
pub(crate) fn ips<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<IpAddr>, D::Error> {
    addresses_up_to::<D, 1024>(deserializer)
}

fn addresses_up_to<'de, D: Deserializer<'de>, const MAX: usize>(
    deserializer: D,
) -> Result<Vec<IpAddr>, D::Error> {
    let addresses = list::<D, Address, MAX>(deserializer)?;
    Ok(addresses.into_iter().map(|address| address.0).collect())
}

struct Address(IpAddr);

impl<'de> Deserialize<'de> for Address {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map(Self).map_err(|_| {
            D::Error::custom(format!(
                "`{}` is not an IP address: write it like `10.1.0.1` or `fd00::1`",
                text.escape_debug()
            ))
        })
    }
}

/// Reads a list of at most `MAX` things. Longer ones are refused before the rest is read.
pub(crate) fn list<'de, D, T, const MAX: usize>(deserializer: D) -> Result<Vec<T>, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de>,
{
    struct Bounded<T, const MAX: usize>(PhantomData<T>);

    impl<'de, T: Deserialize<'de>, const MAX: usize> Visitor<'de> for Bounded<T, MAX> {
        type Value = Vec<T>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            write!(f, "a list of at most {MAX}")
        }

        fn visit_seq<A: SeqAccess<'de>>(self, mut access: A) -> Result<Vec<T>, A::Error> {
            let mut things = Vec::new();
            while let Some(thing) = access.next_element()? {
                if things.len() == MAX {
                    return Err(A::Error::custom(format!(
                        "the list has more than {MAX} entries: use fewer"
                    )));
                }
                things.push(thing);
            }
            Ok(things)
        }
    }

    deserializer.deserialize_seq(Bounded::<T, MAX>(PhantomData))
}

/// Reads a list of 1 to `MAX` things, where to leave the list out means something else than none.
pub(crate) fn some_of<'de, D, T, const MAX: usize>(deserializer: D) -> Result<Vec<T>, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de>,
{
    let things = list::<D, T, MAX>(deserializer)?;
    if things.is_empty() {
        let why = "it is empty: name at least one, or leave the list out";
        return Err(D::Error::custom(why));
    }
    Ok(things)
}

/// Reads a list that may be `null`.
pub(crate) fn some_list<'de, D, T, const MAX: usize>(
    deserializer: D,
) -> Result<Option<Vec<T>>, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de>,
{
    struct Present<T, const MAX: usize>(Vec<T>);

    impl<'de, T: Deserialize<'de>, const MAX: usize> Deserialize<'de> for Present<T, MAX> {
        fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
            list::<D, T, MAX>(deserializer).map(Self)
        }
    }

    let present = Option::<Present<T, MAX>>::deserialize(deserializer)?;
    Ok(present.map(|present| present.0))
}

/// Reads a number from `MIN` to `MAX`.
pub(crate) fn in_range<'de, D, const MIN: u32, const MAX: u32>(
    deserializer: D,
) -> Result<u32, D::Error>
where
    D: Deserializer<'de>,
{
    let number = whole(deserializer, MIN.into()..=MAX.into())?;
    u32::try_from(number)
        .ok()
        .filter(|number| (MIN..=MAX).contains(number))
        .ok_or_else(|| D::Error::custom(format!("`{number}` is out of range: use {MIN}–{MAX}")))
}

/// Reads labels that may be left out or `null`.
pub(crate) fn some_labels<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<Labels>, D::Error> {
    struct Present(Labels);

    impl<'de> Deserialize<'de> for Present {
        fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
            labels(deserializer).map(Self)
        }
    }

    let present = Option::<Present>::deserialize(deserializer)?;
    Ok(present.map(|present| present.0))
}

/// Reads labels, each key once.
pub(crate) fn labels<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Labels, D::Error> {
    struct Map;

    impl<'de> Visitor<'de> for Map {
        type Value = Labels;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("an object of labels")
        }

        fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Labels, A::Error> {
            let mut labels: Vec<(LabelKey, LabelValue)> = Vec::new();
            while let Some(key) = access.next_key::<LabelKey>()? {
                if labels.iter().any(|(known, _)| *known == key) {
                    return Err(A::Error::custom(format!(
                        "label `{key}` is there twice: leave one out"
                    )));
                }
                if labels.len() == LABELS {
                    return Err(A::Error::custom(format!(
                        "there are more than {LABELS} labels: use fewer"
                    )));
                }
                labels.push((key, access.next_value()?));
            }
            Ok(labels.into_iter().collect())
        }
    }

    deserializer.deserialize_map(Map)
}

/// Reads a pod as strictly as the rest of a request: nothing but namespace and name, and both fit
/// to be printed on a line.
pub(crate) fn pod<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Pod>, D::Error> {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct RawPod {
        #[serde(deserialize_with = "pod_name")]
        namespace: String,
        #[serde(deserialize_with = "pod_name")]
        name: String,
    }
    let raw = Option::<RawPod>::deserialize(deserializer)?;
    Ok(raw.map(|raw| Pod {
        namespace: raw.namespace,
        name: raw.name,
    }))
}

/// Reads the name or namespace of a pod or workload.
pub(crate) fn pod_name<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    let text = String::deserialize(deserializer)?;
    let printable = text
        .bytes()
        .all(|byte| byte.is_ascii_graphic() && byte != b'/');
    if text.is_empty() || text.len() > POD_NAME || !printable {
        return Err(D::Error::custom(format!(
            "`{}` is not the name of a pod, workload or namespace: use 1–{POD_NAME} bytes of ASCII \
             without `/` or white space",
            text.escape_debug()
        )));
    }
    Ok(text)
}

/// Reads an id that others made, like a pod's or a boot's.
pub(crate) fn id<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    const MAX: usize = 128;
    let Some(text) = Option::<String>::deserialize(deserializer)? else {
        return Ok(None);
    };
    let printable = text.bytes().all(|byte| byte.is_ascii_graphic());
    if text.is_empty() || text.len() > MAX || !printable {
        return Err(D::Error::custom(format!(
            "`{}` is not valid: use 1–{MAX} bytes of ASCII without white space",
            text.escape_debug()
        )));
    }
    Ok(Some(text))
}

/// Reads a line for people.
pub(crate) fn line<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    const MAX: usize = 256;
    let text = String::deserialize(deserializer)?;
    if text.len() > MAX || text.chars().any(char::is_control) {
        return Err(D::Error::custom(format!(
            "`{}` is not valid: use at most {MAX} bytes of one line",
            text.escape_debug()
        )));
    }
    Ok(text)
}

/// Reads a line for people that says something.
pub(crate) fn some_line<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    let text = line(deserializer)?;
    if text.trim().is_empty() {
        return Err(D::Error::custom(format!(
            "`{text}` says nothing: write a few words"
        )));
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, Deserialize)]
    struct All {
        #[serde(default, deserialize_with = "labels")]
        labels: Labels,
        #[serde(default, deserialize_with = "pod")]
        pod: Option<Pod>,
        #[serde(default, deserialize_with = "fixed")]
        addresses: Vec<IpAddr>,
        #[serde(default, deserialize_with = "line")]
        reason: String,
        #[serde(default, deserialize_with = "id")]
        boot_id: Option<String>,
    }

    fn refusal(text: &str) -> String {
        serde_json::from_str::<All>(text).unwrap_err().to_string()
    }

    #[test]
    fn good_values_are_taken() {
        let text = r#"{"labels": {"a": "1", "b/c": ""}, "pod": {"namespace": "n", "name": "p"},
                       "addresses": ["10.1.0.1", "fd00::1"], "reason": "für später", "boot_id": "x"}"#;
        let all: All = serde_json::from_str(text).unwrap();
        assert_eq!(all.labels.iter().count(), 2);
        assert_eq!(all.pod.unwrap().to_string(), "n/p");
        assert_eq!(all.addresses.len(), 2);
        assert_eq!(all.reason, "für später");
        assert_eq!(all.boot_id.as_deref(), Some("x"));
        let none: All = serde_json::from_str(r#"{"pod": null, "boot_id": null}"#).unwrap();
        assert!(none.pod.is_none() && none.boot_id.is_none());
    }

    #[test]
    fn hostile_values_are_refused_and_quoted() {
        for (bad, quoted) in [
            (r#"{"labels": {"a": "1", "a": "2"}}"#, "`a`"),
            (r#"{"labels": {"a b": "1"}}"#, "`a b`"),
            (r#"{"labels": {"a": "b c"}}"#, "`b c`"),
            (r#"{"pod": {"namespace": "shop"}}"#, "`name`"),
            (r#"{"pod": {"namespace": "shop", "name": ""}}"#, "``"),
            (
                r#"{"pod": {"namespace": "shop", "name": "a\nb"}}"#,
                "`a\\nb`",
            ),
            (r#"{"pod": {"namespace": "a/b", "name": "web"}}"#, "`a/b`"),
            (
                r#"{"pod": {"namespace": "s", "name": "w", "uid": "1"}}"#,
                "`uid`",
            ),
            (r#"{"addresses": ["10.1.0"]}"#, "`10.1.0`"),
            (r#"{"addresses": ["::1", "::2", "::3"]}"#, "more than 2"),
            (r#"{"reason": "a\u0000"}"#, "`a\\0`"),
            (r#"{"boot_id": ""}"#, "``"),
        ] {
            assert!(refusal(bad).contains(quoted), "{bad}: {}", refusal(bad));
        }
        let many: String = (0..65).map(|n| format!(r#""k{n}": "","#)).collect();
        let many = format!(r#"{{"labels": {{{}}}}}"#, many.trim_end_matches(','));
        assert!(refusal(&many).contains("more than 64"));
    }
}

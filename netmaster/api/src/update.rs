//! Updates: a spec, and the revision it is based on.

use std::fmt;
use std::marker::PhantomData;

use serde::de::value::MapAccessDeserializer;
use serde::de::{DeserializeSeed, Error, IntoDeserializer, MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};

/// What an object is to be from now on: the fields of its spec, with a `revision` beside them. The
/// update is refused with `stale_revision` if the object was changed since.
///
/// ```json
/// {"name": "blue", "vlan": 100, "mtu": 9000, "revision": 17}
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Update<S> {
    /// The revision that the object was seen at.
    pub revision: u64,
    /// What it is to be. What is left out takes its default, not its old value.
    #[serde(flatten)]
    pub spec: S,
}

const REVISION: &str = "revision";

// By hand: serde's `flatten` on the way in would forget which field was not valid, and would let
// unknown ones pass.
impl<'de, S: Deserialize<'de>> Deserialize<'de> for Update<S> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Fields<S>(PhantomData<S>);

        impl<'de, S: Deserialize<'de>> Visitor<'de> for Fields<S> {
            type Value = Update<S>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, access: A) -> Result<Update<S>, A::Error> {
                let mut revision = None;
                let rest = Without {
                    access,
                    revision: &mut revision,
                };
                let spec = S::deserialize(MapAccessDeserializer::new(rest))?;
                let revision = revision.ok_or_else(|| A::Error::missing_field(REVISION))?;
                Ok(Update { revision, spec })
            }
        }

        deserializer.deserialize_map(Fields(PhantomData))
    }
}

/// The fields but `revision`, which is set aside.
struct Without<'a, A> {
    access: A,
    revision: &'a mut Option<u64>,
}

impl<'de, A: MapAccess<'de>> MapAccess<'de> for Without<'_, A> {
    type Error = A::Error;

    fn next_key_seed<K: DeserializeSeed<'de>>(
        &mut self,
        seed: K,
    ) -> Result<Option<K::Value>, A::Error> {
        while let Some(key) = self.access.next_key::<String>()? {
            if key != REVISION {
                return seed.deserialize(key.into_deserializer()).map(Some);
            }
            if self.revision.is_some() {
                return Err(A::Error::duplicate_field(REVISION));
            }
            *self.revision = Some(self.access.next_value()?);
        }
        Ok(None)
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, A::Error> {
        self.access.next_value_seed(seed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::NetworkSpec;

    fn read(text: &str) -> Result<Update<NetworkSpec>, serde_json::Error> {
        serde_json::from_str(text)
    }

    #[test]
    fn an_update_is_a_spec_with_a_revision_anywhere_in_it() {
        let update = read(r#"{"name": "blue", "revision": 17, "vlan": 100}"#).unwrap();
        assert_eq!(update.revision, 17);
        assert_eq!(update.spec.name.as_str(), "blue");
        let text = serde_json::to_string(&update).unwrap();
        assert_eq!(
            text,
            r#"{"revision":17,"name":"blue","vlan":100,"mtu":1500}"#
        );
    }

    #[test]
    fn an_update_is_as_strict_as_a_spec() {
        for (bad, says) in [
            (
                r#"{"name": "blue", "vlan": 100}"#,
                "missing field `revision`",
            ),
            (r#"{"revision": 1, "name": "blue"}"#, "missing field `vlan`"),
            (
                r#"{"revision": 1, "name": "b", "vlan": 1, "x": 1}"#,
                "unknown field `x`",
            ),
            (
                r#"{"revision": 1, "revision": 2, "name": "b", "vlan": 1}"#,
                "duplicate field",
            ),
            (
                r#"{"revision": -1, "name": "b", "vlan": 1}"#,
                "integer `-1`",
            ),
            (r#"[1]"#, "expected an object"),
        ] {
            let error = read(bad).unwrap_err().to_string();
            assert!(error.contains(says), "{bad}: {error}");
        }
    }
}

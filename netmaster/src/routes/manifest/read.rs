//! Reading lists of manifests as strictly as anything else, and with the path of what is not valid.
//!
//! serde reads what is tagged by way of a copy in between, which forgets where it came from and
//! lets a field pass that is there twice. So the body is read twice instead: first the kinds, then
//! each object as one of its kind.

use std::fmt;
use std::marker::PhantomData;

use axum::extract::{FromRequest, Request};
use serde::Deserialize;
use serde::de::value::MapAccessDeserializer;
use serde::de::{
    DeserializeSeed, Deserializer, Error, IgnoredAny, IntoDeserializer, MapAccess, SeqAccess,
    Visitor,
};
use trunkline_ipam::Kind;
use trunkline_netmaster_api::{Apply, Manifest, RefusedObject};

use super::super::extract::{json, parse_as};
use crate::failure::Failure;

/// How many bytes the body may have: room for as many objects as there may be, with what operators
/// write about each.
const BODY_LIMIT: usize = 8 << 20;

/// The objects of a body `{"objects": […]}`.
pub(in super::super) struct Manifests(pub(in super::super) Vec<Manifest>);

impl<S: Send + Sync> FromRequest<S> for Manifests {
    type Rejection = Failure;

    async fn from_request(request: Request, _: &S) -> Result<Self, Failure> {
        let body = json(request, BODY_LIMIT, "do it in parts").await?;
        let heads = parse_as(PhantomData::<Heads>, &body)?.objects;
        let read = parse_as(List(&heads), &body);
        read.map(Self).map_err(|failure| named(failure, &heads))
    }
}

/// What names an object.
#[derive(Deserialize)]
#[serde(expecting = "an object with its `kind`")]
struct Head {
    kind: Tag,
    #[serde(default)]
    name: Text,
}

#[derive(Deserialize)]
#[serde(expecting = "an object with a list of `objects`")]
struct Heads {
    #[serde(deserialize_with = "bounded")]
    objects: Vec<Head>,
}

/// The kinds that are managed.
#[derive(Clone, Copy)]
enum Tag {
    Network,
    Subnet,
    Pool,
    Group,
    Profile,
    Reservation,
}

impl Tag {
    const ALL: [Self; 6] = [
        Self::Network,
        Self::Subnet,
        Self::Pool,
        Self::Group,
        Self::Profile,
        Self::Reservation,
    ];
    /// What they are called, in the same order.
    const NOUNS: &'static [&'static str] = &[
        Self::Network.noun(),
        Self::Subnet.noun(),
        Self::Pool.noun(),
        Self::Group.noun(),
        Self::Profile.noun(),
        Self::Reservation.noun(),
    ];

    const fn noun(self) -> &'static str {
        match self {
            Self::Network => "network",
            Self::Subnet => "subnet",
            Self::Pool => "pool",
            Self::Group => "group",
            Self::Profile => "profile",
            Self::Reservation => "reservation",
        }
    }
}

impl<'de> Deserialize<'de> for Tag {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let kind = String::deserialize(deserializer)?;
        if kind == Kind::Token.noun() {
            // Its secret would have to be in the list, and it is netmaster that draws those.
            return Err(D::Error::custom(
                "tokens are secrets, so they are neither applied nor exported: make one with \
                 `netctl token create`",
            ));
        }
        let known = Self::ALL.into_iter().find(|tag| tag.noun() == kind);
        known.ok_or_else(|| D::Error::unknown_variant(&kind, Self::NOUNS))
    }
}

/// Text, or whatever is there instead, which is refused when it is its turn.
#[derive(Default)]
struct Text(String);

impl<'de> Deserialize<'de> for Text {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let value = serde_json::Value::deserialize(deserializer)?;
        Ok(Self(value.as_str().unwrap_or_default().to_owned()))
    }
}

fn bounded<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Head>, D::Error> {
    struct AtMost;

    impl<'de> Visitor<'de> for AtMost {
        type Value = Vec<Head>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            write!(f, "a list of at most {} objects", Apply::OBJECTS_MAX)
        }

        fn visit_seq<A: SeqAccess<'de>>(self, mut access: A) -> Result<Vec<Head>, A::Error> {
            let mut heads = Vec::new();
            while let Some(head) = access.next_element()? {
                if heads.len() == Apply::OBJECTS_MAX {
                    let max = Apply::OBJECTS_MAX;
                    return Err(A::Error::custom(format!(
                        "the list has more than {max} objects: apply them in several lists"
                    )));
                }
                heads.push(head);
            }
            Ok(heads)
        }
    }

    deserializer.deserialize_seq(AtMost)
}

/// The same failure, with the object that it is about.
fn named(failure: Failure, heads: &[Head]) -> Failure {
    let problem = failure.problem().clone();
    let about = problem.field.as_deref().and_then(|path| {
        let (index, rest) = path.strip_prefix("objects[")?.split_once(']')?;
        let index: usize = index.parse().ok()?;
        Some((index, rest.strip_prefix('.').map(str::to_owned)))
    });
    let Some((index, field)) = about else {
        return failure;
    };
    let head = heads.get(index);
    failure.of_objects(vec![RefusedObject {
        index: u32::try_from(index).ok(),
        kind: head.map_or("", |head| head.kind.noun()).to_owned(),
        name: head.map(|head| head.name.0.clone()).unwrap_or_default(),
        code: problem.code,
        detail: problem.detail,
        field,
    }])
}

/// The body, once the kinds of its objects are known.
struct List<'a>(&'a [Head]);

const OBJECTS: &str = "objects";

impl<'de> DeserializeSeed<'de> for List<'_> {
    type Value = Vec<Manifest>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for List<'_> {
    type Value = Vec<Manifest>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object with a list of `objects`")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Self::Value, A::Error> {
        let mut objects = None;
        while let Some(key) = access.next_key::<String>()? {
            if key != OBJECTS {
                let _: IgnoredAny = access.next_value()?;
                return Err(A::Error::unknown_field(&key, &[OBJECTS]));
            }
            // That it is there once was seen at the first reading.
            objects = Some(access.next_value_seed(Elements(self.0))?);
        }
        objects.ok_or_else(|| A::Error::missing_field(OBJECTS))
    }
}

struct Elements<'a>(&'a [Head]);

impl<'de> DeserializeSeed<'de> for Elements<'_> {
    type Value = Vec<Manifest>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_seq(self)
    }
}

impl<'de> Visitor<'de> for Elements<'_> {
    type Value = Vec<Manifest>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of objects")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut access: A) -> Result<Self::Value, A::Error> {
        let mut manifests = Vec::with_capacity(self.0.len());
        for head in self.0 {
            match access.next_element_seed(head.kind)? {
                Some(manifest) => manifests.push(manifest),
                None => break,
            }
        }
        // There are no more, but that has to be read as well.
        let _ = access.next_element::<IgnoredAny>()?;
        Ok(manifests)
    }
}

impl<'de> DeserializeSeed<'de> for Tag {
    type Value = Manifest;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Manifest, D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Tag {
    type Value = Manifest;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "an object of kind `{}`", self.noun())
    }

    fn visit_map<A: MapAccess<'de>>(self, access: A) -> Result<Manifest, A::Error> {
        let rest = MapAccessDeserializer::new(Untagged(access));
        Ok(match self {
            Self::Network => Manifest::Network(Deserialize::deserialize(rest)?),
            Self::Subnet => Manifest::Subnet(Deserialize::deserialize(rest)?),
            Self::Pool => Manifest::Pool(Deserialize::deserialize(rest)?),
            Self::Group => Manifest::Group(Deserialize::deserialize(rest)?),
            Self::Profile => Manifest::Profile(Deserialize::deserialize(rest)?),
            Self::Reservation => Manifest::Reservation(Deserialize::deserialize(rest)?),
        })
    }
}

/// The fields but `kind`.
struct Untagged<A>(A);

impl<'de, A: MapAccess<'de>> MapAccess<'de> for Untagged<A> {
    type Error = A::Error;

    fn next_key_seed<K: DeserializeSeed<'de>>(
        &mut self,
        seed: K,
    ) -> Result<Option<K::Value>, A::Error> {
        while let Some(key) = self.0.next_key::<String>()? {
            if key != "kind" {
                return seed.deserialize(key.into_deserializer()).map(Some);
            }
            let _: IgnoredAny = self.0.next_value()?;
        }
        Ok(None)
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, A::Error> {
        self.0.next_value_seed(seed)
    }
}

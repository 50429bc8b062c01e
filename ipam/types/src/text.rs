//! Serde for types whose one written form is their `Display` and `FromStr`.

/// Implements `Serialize` by `Display` and `Deserialize` by `FromStr`.
macro_rules! serde_as_text {
    ($type:ty) => {
        impl serde::Serialize for $type {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> serde::Deserialize<'de> for $type {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
                let parsed = text.parse();
                // With its cause, which serde would drop: that is what says the way out.
                parsed.map_err(|error| {
                    let error: <Self as std::str::FromStr>::Err = error;
                    serde::de::Error::custom(crate::chain(&error))
                })
            }
        }
    };
}

/// Implements serde for a checked number: written as a number, read through `TryFrom`. The range is
/// what somebody is told who gives no number at all.
macro_rules! serde_as_number {
    ($type:ty, $number:ty, $range:expr) => {
        impl serde::Serialize for $type {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                <$number>::from(*self).serialize(serializer)
            }
        }

        impl<'de> serde::Deserialize<'de> for $type {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let number = crate::whole(deserializer, $range)?;
                Self::try_from(number).map_err(serde::de::Error::custom)
            }
        }
    };
}

pub(crate) use serde_as_number;
pub(crate) use serde_as_text;

//! How the shared vocabulary looks in the OpenAPI document.
//!
//! The vocabulary's own crate knows nothing of HTTP, so each of its types has a stand-in here that
//! wire types name with `#[schema(value_type = …)]`. A test holds the patterns against the parsers.

use utoipa::openapi::schema::{AdditionalProperties, ObjectBuilder, SchemaType, Type};
use utoipa::openapi::{RefOr, Schema};
use utoipa::{PartialSchema, ToSchema};

macro_rules! text {
    ($($name:ident: $pattern:literal, $description:literal, $example:literal;)+) => {
        $(
            #[doc = $description]
            pub(crate) enum $name {}

            impl PartialSchema for $name {
                fn schema() -> RefOr<Schema> {
                    ObjectBuilder::new()
                        .schema_type(SchemaType::Type(Type::String))
                        .pattern(Some($pattern))
                        .description(Some($description))
                        .examples([$example])
                        .into()
                }
            }

            impl ToSchema for $name {}
        )+

        #[cfg(test)]
        const TEXTS: &[(&str, &str, &str)] = &[$((stringify!($name), $pattern, $example)),+];
    };
}

text! {
    Name: "^[a-z0-9]([a-z0-9.-]{0,61}[a-z0-9])?$",
        "1–63 of a–z, 0–9, `-` and `.`, beginning and ending with a letter or digit", "blue";
    Ip: "^[0-9A-Fa-f:.]+$", "An IPv4 or IPv6 address", "10.1.0.10";
    Cidr: "^[0-9A-Fa-f:.]+/[0-9]{1,3}$",
        "A network address without host bits, and its prefix length in bits", "10.1.0.0/24";
    AddressRange: "^[0-9A-Fa-f:.]+(-[0-9A-Fa-f:.]+)?$",
        "The first and the last address of a range, both included; or one address",
        "10.1.0.10-10.1.0.99";
    Mac: "^([0-9A-Fa-f]{2}:){5}[0-9A-Fa-f]{2}$", "A MAC address", "02:01:0a:01:00:0a";
    Attachment: "^[A-Za-z0-9][A-Za-z0-9_.-]{0,127}/[!-.0-9;-~]{1,15}$",
        "`<container id>/<interface name>`", "4f5e1c/eth0";
    ContainerId: "^[A-Za-z0-9][A-Za-z0-9_.-]{0,127}$", "A container id of the runtime", "4f5e1c";
    Selector: "^[ -~]*$",
        "What labels must be, as in Kubernetes: `app=web,tier in (front,back),!legacy`; empty: \
         anything", "app=web";
}

/// Labels.
pub(crate) enum Labels {}

impl PartialSchema for Labels {
    fn schema() -> RefOr<Schema> {
        let value = ObjectBuilder::new()
            .schema_type(SchemaType::Type(Type::String))
            .pattern(Some("^([A-Za-z0-9]([A-Za-z0-9_.-]{0,61}[A-Za-z0-9])?)?$"));
        ObjectBuilder::new()
            .schema_type(SchemaType::Type(Type::Object))
            .additional_properties(Some(AdditionalProperties::from(value)))
            .description(Some(
                "Labels as in Kubernetes: `[<DNS name>/]<name>` with a value of at most 63 bytes; \
                 at most 64 of them",
            ))
            .into()
    }
}

impl ToSchema for Labels {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_example_is_read_by_the_type_it_stands_for() {
        for (name, pattern, example) in TEXTS {
            assert!(pattern.starts_with('^') && pattern.ends_with('$'), "{name}");
            let read = match *name {
                "Name" => example.parse::<trunkline_types::Name>().is_ok(),
                "Ip" => example.parse::<std::net::IpAddr>().is_ok(),
                "Cidr" => example.parse::<trunkline_types::Cidr>().is_ok(),
                "AddressRange" => example.parse::<trunkline_types::AddressRange>().is_ok(),
                "Mac" => example.parse::<trunkline_types::MacAddr>().is_ok(),
                "Attachment" => example.parse::<trunkline_types::Attachment>().is_ok(),
                "ContainerId" => example.parse::<trunkline_types::ContainerId>().is_ok(),
                "Selector" => example.parse::<trunkline_types::Selector>().is_ok(),
                _ => false,
            };
            assert!(read, "{name}: {example}");
        }
    }
}

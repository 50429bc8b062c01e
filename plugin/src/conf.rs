//! Our part of the network configuration that the runtime hands us on standard input.

use std::collections::HashMap;
use std::path::PathBuf;

use rscni_plugin::types::NetConf;
use serde::Deserialize;
use serde_json::Value;
use trunkline_dataplane::owner;
use trunkline_types::{InterfaceName, Name};

/// Our fields, checked.
///
/// The envelope (`cniVersion`, `name`, `type`, `runtimeConfig`, …) is the specification's and may
/// grow, so what is unknown there is left alone; a field of ours that is unknown is a typing
/// mistake and an error.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Conf {
    /// The network that pods with this configuration get an address of.
    pub network: Name,
    /// The bridge that the node agent keeps.
    #[serde(default = "default_bridge")]
    pub bridge: InterfaceName,
    /// The unix socket that the node agent listens on.
    #[serde(default = "default_agent_socket")]
    pub agent_socket: PathBuf,
    /// The unix socket that ovsdb-server listens on.
    #[serde(default = "default_ovsdb_socket")]
    pub ovsdb_socket: PathBuf,
}

/// Fields of the envelope that the CNI library crate has no name for.
const ENVELOPE: [&str; 2] = ["type", "disableCheck"];
/// Keys that the specification keeps for runtimes.
const RUNTIME_PREFIX: &str = "cni.dev/";

/// A configuration that we cannot work with.
#[derive(Debug, thiserror::Error)]
#[error(
    "network configuration `{network}`: {source}; fields are network, bridge, agentSocket, ovsdbSocket"
)]
pub struct ConfError {
    network: String,
    // Part of the message on purpose: serde's text names field and value, and CNI has one line.
    source: serde_json::Error,
}

impl Conf {
    /// Takes our fields out of the configuration.
    ///
    /// # Errors
    ///
    /// [`ConfError`] names the field that is missing, unknown or wrong, and its value.
    pub fn from_envelope(conf: &NetConf) -> Result<Self, ConfError> {
        let ours: serde_json::Map<String, Value> = without_envelope(&conf.custom);
        serde_json::from_value(Value::Object(ours)).map_err(|source| ConfError {
            network: conf.name.clone(),
            source,
        })
    }
}

fn without_envelope(custom: &HashMap<String, Value>) -> serde_json::Map<String, Value> {
    custom
        .iter()
        .filter(|(key, _)| !ENVELOPE.contains(&key.as_str()) && !key.starts_with(RUNTIME_PREFIX))
        .map(|(key, value)| (key.clone(), value.clone()))
        .collect()
}

fn default_bridge() -> InterfaceName {
    owner::DEFAULT_BRIDGE
        .parse()
        .unwrap_or_else(|_| unreachable!("a valid interface name"))
}

fn default_agent_socket() -> PathBuf {
    PathBuf::from(trunkline_rpc::DEFAULT_SOCKET)
}

fn default_ovsdb_socket() -> PathBuf {
    PathBuf::from(trunkline_ovs::DEFAULT_SOCKET)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn conf(text: &str) -> Result<Conf, ConfError> {
        Conf::from_envelope(&serde_json::from_str(text).unwrap())
    }

    #[test]
    fn only_the_network_is_required() {
        let text = r#"{"cniVersion":"1.1.0","name":"blue","type":"trunkline","network":"blue","cni.dev/x":1}"#;
        let conf = conf(text).unwrap();
        assert_eq!(conf.network.as_str(), "blue");
        assert_eq!(conf.bridge.as_str(), "br-trunk");
    }

    #[test]
    fn the_shipped_example_is_valid_and_spells_out_the_defaults() {
        let list = include_str!("../../deploy/examples/10-trunkline.conflist");
        let list: Value = serde_json::from_str(list).unwrap();
        let mut example = list["plugins"][0].clone();
        example["name"] = list["name"].clone();
        example["cniVersion"] = list["cniVersion"].clone();
        let least =
            r#"{"cniVersion":"1.0.0","name":"trunkline","type":"trunkline","network":"blue"}"#;
        assert_eq!(conf(&example.to_string()).unwrap(), conf(least).unwrap());
    }

    #[test]
    fn an_unknown_field_of_ours_is_named() {
        let text = r#"{"cniVersion":"1.1.0","name":"blue","type":"trunkline","network":"blue","netwrok":"x"}"#;
        let error = conf(text).unwrap_err().to_string();
        assert!(
            error.contains("netwrok") && error.contains("`blue`"),
            "{error}"
        );
    }

    #[test]
    fn a_missing_network_is_named() {
        let text = r#"{"cniVersion":"1.1.0","name":"blue","type":"trunkline"}"#;
        assert!(conf(text).unwrap_err().to_string().contains("`network`"));
    }

    #[test]
    fn an_invalid_value_is_quoted() {
        let text = r#"{"cniVersion":"1.1.0","name":"b","type":"trunkline","network":"../etc"}"#;
        assert!(conf(text).unwrap_err().to_string().contains("`../etc`"));
    }
}

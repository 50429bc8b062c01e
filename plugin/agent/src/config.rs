//! The agent's configuration file.

use std::path::{Path, PathBuf};

use anyhow::Context;
use serde::Deserialize;
use trunkline_dataplane::owner;
use trunkline_types::{InterfaceName, Name};

/// The configuration, checked. A JSON object; an unknown field is an error.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Config {
    /// This node's name, unique in the cluster. Kubernetes' node name, where there is one.
    pub node: Name,
    /// The rack the node stands in: it gets addresses of this rack's subnets.
    pub rack: Name,
    /// netmaster's URL, like `http://127.0.0.1:9630`.
    pub netmaster: String,
    /// The link to the top-of-rack switch, which becomes the bridge's trunk port.
    pub uplink: InterfaceName,
    /// The bridge's name.
    #[serde(default = "default_bridge")]
    pub bridge: InterfaceName,
    /// The unix socket to listen on for the CNI executable.
    #[serde(default = "default_socket")]
    pub socket: PathBuf,
    /// The unix socket that ovsdb-server listens on.
    #[serde(default = "default_ovsdb_socket")]
    pub ovsdb_socket: PathBuf,
}

impl Config {
    /// Reads and checks the file.
    ///
    /// # Errors
    ///
    /// Says which file, and which field with its value.
    pub fn read(path: &Path) -> anyhow::Result<Self> {
        let text = std::fs::read_to_string(path)
            .with_context(|| format!("can't read the configuration `{}`", path.display()))?;
        let config: Self = serde_json::from_str(&text)
            .with_context(|| format!("the configuration `{}` is not valid", path.display()))?;
        anyhow::ensure!(
            config.bridge != config.uplink,
            "the configuration `{}` is not valid: `bridge` and `uplink` are both `{}`",
            path.display(),
            config.bridge
        );
        Ok(config)
    }
}

fn default_bridge() -> InterfaceName {
    owner::DEFAULT_BRIDGE
        .parse()
        .unwrap_or_else(|_| unreachable!("a valid interface name"))
}

fn default_socket() -> PathBuf {
    PathBuf::from(trunkline_rpc::DEFAULT_SOCKET)
}

fn default_ovsdb_socket() -> PathBuf {
    PathBuf::from(trunkline_ovs::DEFAULT_SOCKET)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> anyhow::Result<Config> {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("netplugin.json");
        std::fs::write(&path, text).unwrap();
        Config::read(&path)
    }

    const LEAST: &str =
        r#"{"node":"n1","rack":"r1","netmaster":"http://127.0.0.1:9630","uplink":"eth1""#;

    #[test]
    fn four_fields_are_enough() {
        let config = read(&format!("{LEAST}}}")).unwrap();
        assert_eq!(config.bridge.as_str(), "br-trunk");
        assert_eq!(config.socket, Path::new("/run/trunkline/netplugin.sock"));
    }

    #[test]
    fn the_shipped_example_is_valid_and_spells_out_the_defaults() {
        let example = include_str!("../../../deploy/examples/netplugin.json");
        let least =
            r#"{"node":"node1","rack":"r1","netmaster":"http://127.0.0.1:9630","uplink":"eth1"}"#;
        assert_eq!(read(example).unwrap(), read(least).unwrap());
    }

    #[test]
    fn errors_name_the_field_and_its_value() {
        for (text, part) in [
            (format!(r#"{LEAST},"uplnik":"eth2"}}"#), "uplnik"),
            (format!(r#"{LEAST},"bridge":"eth1"}}"#), "both `eth1`"),
            (format!(r#"{LEAST},"bridge":"a bridge"}}"#), "`a bridge`"),
            (r#"{"node":"n1"}"#.to_owned(), "`rack`"),
            ("{".to_owned(), "line 1"),
        ] {
            let error = format!("{:#}", read(&text).unwrap_err());
            assert!(error.contains(part), "{error}");
        }
    }
}

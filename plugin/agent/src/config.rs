//! The agent's configuration file.

use std::path::{Path, PathBuf};

use anyhow::Context;
use serde::Deserialize;
use trunkline_dataplane::owner;
use trunkline_netmaster_api::Credentials;
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
    /// The authorities whose netmasters are trusted, in PEM; needed with an `https` URL.
    #[serde(default)]
    pub netmaster_ca: Option<PathBuf>,
    /// This node's certificate for `node:<node>`, in PEM; together with `netmaster_key`.
    #[serde(default)]
    pub netmaster_cert: Option<PathBuf>,
    /// The certificate's private key, in PEM.
    #[serde(default)]
    pub netmaster_key: Option<PathBuf>,
    /// A file with a token, for where there is no certificate.
    #[serde(default)]
    pub netmaster_token_file: Option<PathBuf>,
    /// A file with a token by which the node joins when it has no certificate. With it, the agent
    /// writes `netmaster_cert` and `netmaster_key` itself, and renews the certificate.
    #[serde(default)]
    pub netmaster_bootstrap_token_file: Option<PathBuf>,
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
        anyhow::ensure!(
            config.netmaster_cert.is_some() == config.netmaster_key.is_some(),
            "the configuration `{}` is not valid: `netmasterCert` and `netmasterKey` go together",
            path.display()
        );
        anyhow::ensure!(
            config.netmaster_bootstrap_token_file.is_none() || config.netmaster_cert.is_some(),
            "the configuration `{}` is not valid: `netmasterBootstrapTokenFile` needs \
             `netmasterCert` and `netmasterKey`, where what it gets is stored",
            path.display()
        );
        Ok(config)
    }

    /// What the agent shows netmaster, and whom it trusts.
    #[must_use]
    pub fn credentials(&self) -> Credentials {
        let certificate = self.netmaster_cert.clone().zip(self.netmaster_key.clone());
        Credentials {
            ca: self.netmaster_ca.clone(),
            certificate,
            token: self.netmaster_token_file.clone(),
        }
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
    fn the_shipped_example_for_a_locked_netmaster_has_all_that_it_takes() {
        let example = include_str!("../../../deploy/examples/netplugin-tls.json");
        let config = read(example).unwrap();
        assert!(config.netmaster.starts_with("https://"));
        let credentials = config.credentials();
        assert!(credentials.ca.is_some() && credentials.certificate.is_some());
        // Where it gets that from, on a node that has none yet.
        assert!(config.netmaster_bootstrap_token_file.is_some());
    }

    #[test]
    fn errors_name_the_field_and_its_value() {
        for (text, part) in [
            (format!(r#"{LEAST},"uplnik":"eth2"}}"#), "uplnik"),
            (format!(r#"{LEAST},"bridge":"eth1"}}"#), "both `eth1`"),
            (
                format!(r#"{LEAST},"netmasterCert":"/c"}}"#),
                "`netmasterKey`",
            ),
            (
                format!(r#"{LEAST},"netmasterBootstrapTokenFile":"/t"}}"#),
                "`netmasterCert`",
            ),
            (format!(r#"{LEAST},"bridge":"a bridge"}}"#), "`a bridge`"),
            (r#"{"node":"n1"}"#.to_owned(), "`rack`"),
            ("{".to_owned(), "line 1"),
        ] {
            let error = format!("{:#}", read(&text).unwrap_err());
            assert!(error.contains(part), "{error}");
        }
    }
}

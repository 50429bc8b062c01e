//! A pod: a network namespace that a container runtime would have made, and the CNI calls that
//! the runtime would make for it.

use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::Context;
use serde_json::Value;

use super::command::Finished;
use super::netns::Netns;

/// A pod's namespace and the identity under which it is attached.
#[derive(Debug)]
pub struct Pod {
    netns: Netns,
    /// `CNI_CONTAINERID`.
    pub container: String,
    /// `CNI_IFNAME`.
    pub ifname: String,
    /// `cniVersion` of the network configuration.
    pub cni_version: &'static str,
}

impl Pod {
    /// A pod with a namespace of its own and no interface but loopback.
    ///
    /// # Errors
    ///
    /// The namespace cannot be made.
    pub fn create(name: &str) -> anyhow::Result<Self> {
        Ok(Self {
            netns: Netns::create(&format!("pod-{name}"))?,
            container: format!("c-{name}"),
            ifname: "eth0".into(),
            cni_version: "1.1.0",
        })
    }

    /// The pod's namespace.
    pub fn netns(&self) -> &Netns {
        &self.netns
    }

    /// `CNI_NETNS`.
    pub fn netns_path(&self) -> PathBuf {
        self.netns.path()
    }

    /// The attachment, as netctl and the port's marks write it.
    pub fn attachment(&self) -> String {
        format!("{}/{}", self.container, self.ifname)
    }
}

/// What the CNI executable answered.
#[derive(Debug)]
pub struct CniAnswer {
    finished: Finished,
}

impl CniAnswer {
    pub(super) fn new(finished: Finished) -> Self {
        Self { finished }
    }

    /// From the start of the executable to its end.
    pub fn took(&self) -> Duration {
        self.finished.took
    }

    /// The result on standard output.
    ///
    /// # Errors
    ///
    /// The call failed; says how.
    pub fn success(&self) -> anyhow::Result<Value> {
        anyhow::ensure!(self.finished.status.success(), "{}", self.finished);
        if self.finished.stdout.is_empty() {
            return Ok(Value::Null);
        }
        self.json()
    }

    /// The error on standard output, as code and text.
    ///
    /// # Errors
    ///
    /// The call succeeded, or its output is not the specification's error object.
    pub fn refusal(&self) -> anyhow::Result<(u64, String)> {
        anyhow::ensure!(
            !self.finished.status.success(),
            "{}: expected a failure",
            self.finished
        );
        let error = self.json()?;
        let code = error["code"]
            .as_u64()
            .with_context(|| format!("no code in {error}"))?;
        let text = |field: &str| error[field].as_str().unwrap_or_default().to_owned();
        anyhow::ensure!(!text("cniVersion").is_empty(), "no cniVersion in {error}");
        Ok((code, format!("{}; {}", text("msg"), text("details"))))
    }

    /// The address of a successful ADD.
    ///
    /// # Errors
    ///
    /// The call failed or its result holds no address.
    pub fn ip(&self) -> anyhow::Result<IpAddr> {
        let result = self.success()?;
        let address = result["ips"][0]["address"].as_str().unwrap_or_default();
        let ip = address.split('/').next().unwrap_or_default();
        ip.parse()
            .with_context(|| format!("no address in {result}"))
    }

    fn json(&self) -> anyhow::Result<Value> {
        serde_json::from_str(&self.finished.stdout)
            .with_context(|| format!("standard output is no JSON: {}", self.finished))
    }
}

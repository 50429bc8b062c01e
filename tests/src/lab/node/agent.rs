//! The node's agent: with whose certificate it runs, and how it ends.

use std::io::ErrorKind;
use std::path::Path;

use anyhow::Context;
use serde_json::json;

use super::{BRIDGE, Node, START_DEADLINE, UPLINK};
use crate::lab::authority::Credentials;
use crate::lab::netmaster::Netmaster;
use crate::lab::process::Process;
use crate::lab::wait::wait_until;

impl Node {
    /// Starts the node agent and waits until it takes CNI calls.
    ///
    /// # Errors
    ///
    /// It is not ready by the deadline; says what it logged.
    pub fn start_agent(&mut self) -> anyhow::Result<()> {
        self.start_agent_with(&self.credentials.clone())
    }

    /// Starts the node agent as somebody who may not be this node, and waits until it takes CNI
    /// calls.
    ///
    /// # Errors
    ///
    /// As [`Node::start_agent`].
    pub fn start_agent_with(&mut self, shown: &Credentials) -> anyhow::Result<()> {
        self.launch_agent(shown, None)?;
        self.await_agent()
    }

    /// Starts the node agent without a certificate, with the token in a file to get one by; says
    /// where that will be. It is not waited for: without a certificate the agent gets no further.
    ///
    /// # Errors
    ///
    /// It cannot be started.
    pub fn join_with(&mut self, token: &Path) -> anyhow::Result<Credentials> {
        let dir = self.dir.join("joined");
        match std::fs::remove_dir_all(&dir) {
            Err(error) if error.kind() != ErrorKind::NotFound => {
                return Err(error).with_context(|| format!("can't empty {}", dir.display()));
            }
            _ => {}
        }
        let joined = self.credentials.kept_in(&dir);
        self.launch_agent(&joined, Some(token))?;
        Ok(joined)
    }

    /// Waits until the agent takes CNI calls.
    ///
    /// # Errors
    ///
    /// It is not ready by the deadline; says what it logged.
    pub fn await_agent(&mut self) -> anyhow::Result<()> {
        let agent = self.agent.as_mut().context("the agent is not running")?;
        wait_until("netplugin to be ready", START_DEADLINE, || {
            agent.check_running()?;
            let log = agent.log();
            anyhow::ensure!(log.contains("ready for CNI calls"), "{log}");
            Ok(())
        })
    }

    fn launch_agent(&mut self, shown: &Credentials, token: Option<&Path>) -> anyhow::Result<()> {
        let config = self.dir.join("netplugin.json");
        let text = json!({
            "node": self.name,
            "rack": self.rack,
            "netmaster": Netmaster::url(),
            "netmasterCa": shown.authority(),
            "netmasterCert": shown.certificate(),
            "netmasterKey": shown.key(),
            "netmasterBootstrapTokenFile": token,
            "uplink": UPLINK,
            "bridge": BRIDGE,
            "socket": self.dir.join("netplugin.sock"),
            "ovsdbSocket": self.dir.join("db.sock"),
        });
        std::fs::write(&config, text.to_string())?;
        let program = self.executables.join("netplugin");
        let run = self.netns()?.command(&program.to_string_lossy());
        let run = run.args(["run", "--config", &config.to_string_lossy()]);
        self.agent = Some(Process::start("netplugin", &self.dir, run)?);
        Ok(())
    }

    /// What the agent logged since it was started last.
    pub fn agent_log(&self) -> String {
        self.agent.as_ref().map(Process::log).unwrap_or_default()
    }

    /// Ends the agent as its service manager would.
    ///
    /// # Errors
    ///
    /// It was not running, or does not end by the deadline.
    pub fn stop_agent(&mut self) -> anyhow::Result<()> {
        self.agent
            .take()
            .context("the agent is not running")?
            .stop()
    }

    /// Kills the agent as a crash would.
    ///
    /// # Errors
    ///
    /// It was not running.
    pub fn kill_agent(&mut self) -> anyhow::Result<()> {
        self.agent
            .take()
            .context("the agent is not running")?
            .kill()
    }
}

//! Keeps the bridge and its uplink as configured: read, plan, apply; on a timer, and sooner after
//! a failure.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use trunkline_dataplane::bridge::{Action, Conflict, SeenBridge, SeenPort, Wanted, plan};
use trunkline_dataplane::owner;
use trunkline_netlink::{LinkError, Links};
use trunkline_ovs::{
    Action as SwitchAction, Bridge, FailMode, NewPort, OvsdbSwitch, Switch, SwitchError,
};
use trunkline_types::chain;

use crate::config::Config;

/// How often to look for drift when all is well.
const INTERVAL: Duration = Duration::from_secs(10);
/// How soon to try again after a failure.
const RETRY: Duration = Duration::from_secs(1);
/// How long Open vSwitch may take to act on a change of the bridge.
const SWITCH_DEADLINE: Duration = Duration::from_secs(20);

/// The one loop that keeps the bridge.
pub struct BridgeReconciler {
    wanted: Wanted,
    switch: Arc<OvsdbSwitch>,
    state: watch::Sender<State>,
}

/// Whether the bridge can take pods.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum State {
    /// Not yet, or no longer; says why.
    NotReady(String),
    /// It is as configured.
    Ready,
}

/// Why the bridge is not as configured.
#[derive(Debug, thiserror::Error)]
enum BridgeError {
    #[error(transparent)]
    Conflict(#[from] Conflict),
    #[error("can't bring the bridge into shape")]
    Switch(#[from] SwitchError),
    #[error("can't bring the uplink up")]
    Links(#[from] LinkError),
    #[error(
        "uplink `{0}` does not exist on this node: correct `uplink` in the configuration, see `ip link`"
    )]
    NoUplink(String),
}

impl BridgeReconciler {
    /// A reconciler for the configured bridge.
    pub fn new(config: &Config, switch: Arc<OvsdbSwitch>) -> Self {
        let wanted = Wanted {
            bridge: config.bridge.clone(),
            uplink: config.uplink.clone(),
            node: config.node.clone(),
        };
        Self {
            wanted,
            switch,
            state: watch::Sender::new(State::NotReady("it was not looked at yet".into())),
        }
    }

    /// Whether the bridge can take pods, now and from now on.
    pub fn state(&self) -> watch::Receiver<State> {
        self.state.subscribe()
    }

    /// Keeps the bridge as configured, for ever.
    pub async fn keep(&self) {
        loop {
            let pause = match self.reconcile().await {
                Ok(()) => {
                    if self.state.send_replace(State::Ready) != State::Ready {
                        tracing::info!(bridge = %self.wanted.bridge, "ready for CNI calls");
                    }
                    INTERVAL
                }
                Err(error) => {
                    let error = chain(&error);
                    tracing::warn!(
                        bridge = %self.wanted.bridge, error, "the bridge is not as configured"
                    );
                    self.state.send_replace(State::NotReady(error));
                    RETRY
                }
            };
            tokio::time::sleep(pause).await;
        }
    }

    async fn reconcile(&self) -> Result<(), BridgeError> {
        self.raise_uplink().await?;
        let seen = self
            .switch
            .bridge(self.wanted.bridge.as_str())
            .await?
            .map(seen);
        let actions = plan(&self.wanted, seen.as_ref())?;
        if actions.is_empty() {
            return Ok(());
        }
        let change: Vec<_> = actions
            .iter()
            .map(|action| self.switch_action(action))
            .collect();
        let applied = self.switch.apply(&change).await?;
        for action in &actions {
            tracing::info!(bridge = %self.wanted.bridge, uplink = %self.wanted.uplink, "{action}");
        }
        Ok(self.switch.settled(applied, SWITCH_DEADLINE).await?)
    }

    async fn raise_uplink(&self) -> Result<(), BridgeError> {
        let links = Links::here()?;
        let name = self.wanted.uplink.as_str();
        let link = links
            .link(name)
            .await?
            .ok_or_else(|| BridgeError::NoUplink(name.to_owned()))?;
        if !link.up {
            links.set_up(link.index).await?;
            tracing::info!(uplink = name, "brought the uplink up");
        }
        Ok(())
    }

    fn switch_action(&self, action: &Action) -> SwitchAction {
        let bridge = self.wanted.bridge.to_string();
        match action {
            Action::AddBridge => SwitchAction::AddBridge {
                name: bridge,
                fail_mode: FailMode::Standalone,
                external_ids: BTreeMap::from([(
                    owner::BRIDGE_OWNER.to_owned(),
                    self.wanted.node.to_string(),
                )]),
            },
            Action::SetStandalone => SwitchAction::SetFailMode {
                bridge,
                fail_mode: FailMode::Standalone,
            },
            Action::RemovePort(name) => SwitchAction::RemovePort {
                bridge,
                name: name.clone(),
            },
            Action::AddUplink => SwitchAction::AddPort(NewPort {
                bridge,
                name: self.wanted.uplink.to_string(),
                tag: None,
                ofport_request: None,
                external_ids: BTreeMap::from([(owner::UPLINK.to_owned(), "true".to_owned())]),
            }),
        }
    }
}

fn seen(bridge: Bridge) -> SeenBridge {
    SeenBridge {
        owner: bridge.external_ids.get(owner::BRIDGE_OWNER).cloned(),
        standalone: bridge.fail_mode == Some(FailMode::Standalone),
        ports: bridge
            .ports
            .into_iter()
            .map(|port| SeenPort {
                uplink: port.external_ids.contains_key(owner::UPLINK),
                tagged: port.tag.is_some(),
                name: port.name,
            })
            .collect(),
    }
}

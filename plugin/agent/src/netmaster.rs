//! The agent's side of the netmaster API: registers the node, asks for addresses, gives them
//! back.

use std::time::Duration;

use anyhow::Context;
use trunkline_netmaster_api::{
    Client, ClientError, Endpoint, EndpointSpec, ErrorCode, NodeSpec, exposed,
};
use trunkline_rpc::{AssignRequest, Assignment, Refusal, RefusalCode};
use trunkline_types::{Attachment, Labels, Name, chain};

use crate::config::Config;

/// How long one request may take.
const DEADLINE: Duration = Duration::from_secs(5);
/// How often the node is registered anew, which is also how netmaster hears that it lives.
const INTERVAL: Duration = Duration::from_secs(30);
/// How soon to try again after a failure.
const RETRY: Duration = Duration::from_secs(1);

/// netmaster, as this node sees it.
#[derive(Clone)]
pub struct Netmaster {
    client: Client,
    node: Name,
    rack: Name,
}

impl Netmaster {
    /// netmaster at the configured URL.
    ///
    /// # Errors
    ///
    /// The URL is none.
    pub fn new(config: &Config) -> anyhow::Result<Self> {
        let credentials = config.credentials();
        for path in credentials.secrets() {
            // A group may be meant to, so that it is used all the same.
            if let Some(mode) = exposed(path) {
                tracing::warn!(
                    path = %path.display(),
                    mode = format!("{mode:04o}"),
                    "a secret can be read or changed by others than its owner: take that from \
                     them with chmod, and replace it if somebody may have read it"
                );
            }
        }
        let client = Client::with(&config.netmaster, credentials)
            .context("`netmaster` and its files in the configuration are not valid")?
            .with_deadline(DEADLINE);
        Ok(Self {
            client,
            node: config.node.clone(),
            rack: config.rack.clone(),
        })
    }

    /// Registers the node and keeps it registered, for ever.
    pub async fn keep_registered(&self) {
        let request = NodeSpec {
            rack: self.rack.clone(),
            labels: Labels::default(),
            boot_id: None,
            agent_version: Some(env!("CARGO_PKG_VERSION").to_owned()),
        };
        let mut registered = false;
        loop {
            match self.client.register_node(&self.node, &request).await {
                Ok(_) if registered => {}
                Ok(registration) => {
                    // An operator may have said another one.
                    let rack = registration.node.rack;
                    tracing::info!(node = %self.node, %rack, "registered with netmaster");
                    registered = true;
                }
                Err(error) => {
                    tracing::warn!(node = %self.node, error = chain(&error), "can't register");
                    registered = false;
                }
            }
            tokio::time::sleep(if registered { INTERVAL } else { RETRY }).await;
        }
    }

    /// The attachment's assignment, made now or found.
    pub async fn assign(&self, request: AssignRequest) -> Result<Assignment, Refusal> {
        let spec = EndpointSpec {
            network: Some(request.network),
            pod: request.pod,
            ..EndpointSpec::new(request.attachment, self.node.clone())
        };
        match self.client.allocate(&spec).await {
            Ok(endpoint) => assignment(endpoint),
            Err(error) => Err(refusal(&error)),
        }
    }

    /// Gives the attachment's address back; that it holds none is no error.
    pub async fn release(&self, attachment: &Attachment) -> Result<(), Refusal> {
        self.client
            .release(attachment)
            .await
            .map_err(|error| refusal(&error))
    }
}

fn assignment(endpoint: Endpoint) -> Result<Assignment, Refusal> {
    let [address] = endpoint.addresses.as_slice() else {
        let message = format!(
            "netmaster gave attachment `{}` {} addresses, and this netplugin plugs one: upgrade it",
            endpoint.attachment,
            endpoint.addresses.len()
        );
        return Err(Refusal {
            code: RefusalCode::Protocol,
            message,
        });
    };
    Ok(Assignment {
        network: endpoint.network,
        vlan: endpoint.vlan,
        mtu: endpoint.mtu,
        ip: address.ip,
        prefix: address.prefix,
        gateway: address.gateway,
        mac: endpoint.mac,
    })
}

fn refusal(error: &ClientError) -> Refusal {
    // Only netmaster's own word that the request makes no sense is worth giving up for; a proxy's
    // page, an answer cut short or a failure of netmaster itself may be gone the next time.
    let senseless = error.problem().is_some_and(|problem| problem.status < 500);
    // Who is not let in has to get another certificate, and may have it the next time.
    let senseless = senseless && !error.is_denied();
    let code = if error.is_full() {
        RefusalCode::Full
    } else if senseless && !error.is_retryable() && error.code() != Some(ErrorCode::NodeNotFound) {
        RefusalCode::Denied
    } else {
        // The agent registers its node as soon as it can, so an unknown node is known soon.
        RefusalCode::Retry
    };
    Refusal {
        code,
        message: chain(error),
    }
}

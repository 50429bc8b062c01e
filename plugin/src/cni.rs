//! The verbs, as the CNI specification (1.0.0 and 1.1.0) defines them.

use std::path::Path;
use std::str::FromStr;
use std::time::Duration;

use async_trait::async_trait;
use rscni_plugin::async_cni::Cni;
use rscni_plugin::error::Error as CniError;
use rscni_plugin::types::{Args, CNIResult, Interface, IpConfig, Route};
use trunkline_dataplane::attachment::{Seen, Wanted, expect_no_conflict};
use trunkline_netlink::{Links, Netns, NetnsError};
use trunkline_ovs::OvsdbSwitch;
use trunkline_rpc::{AssignRequest, Assignment};
use trunkline_types::Attachment;

use crate::attach::{self, AttachError, Label, PodSide, Site};
use crate::conf::Conf;
use crate::lock::AttachmentLock;
use crate::{agent, error, pod};

/// How long one OVSDB call may take.
const OVSDB_DEADLINE: Duration = Duration::from_secs(10);

/// The plugin.
pub struct Trunkline;

#[async_trait]
impl Cni for Trunkline {
    async fn add(&self, args: Args) -> Result<CNIResult, CniError> {
        let call = Call::begin(&args).await?;
        let path = args.netns().cloned().unwrap_or_default();
        let netns = open_netns(&path)?;
        let pod_links = Links::in_netns(&netns).map_err(|error| error::link(&error))?;
        let (site, attachment) = (call.site(), &call.attachment);
        let pod_side = PodSide {
            netns: &netns,
            links: &pod_links,
        };

        let seen = attach::look(&site, &pod_side, attachment)
            .await
            .map_err(|error| error::attach(&error))?;
        expect_no_conflict(attachment, &seen).map_err(|error| error::attach(&error.into()))?;
        let request = AssignRequest {
            attachment: attachment.clone(),
            network: call.conf.network.clone(),
            pod: args.args().and_then(pod::from_args),
        };
        let label = Label {
            network: request.network.clone(),
            pod: request.pod.clone(),
        };
        let assignment = match agent::assign(&call.conf.agent_socket, request).await {
            Ok(assignment) => assignment,
            Err(error) => {
                if error.is_outcome_unknown() {
                    call.undo(&seen).await;
                }
                return Err(error::agent(&error));
            }
        };

        let wanted = wanted(attachment, &assignment);
        match attach::build(&site, &pod_side, &wanted, &label, &seen).await {
            Ok(()) => result(&wanted, &path),
            Err(error) => {
                call.undo(&seen).await;
                Err(error::attach(&error))
            }
        }
    }

    async fn del(&self, args: Args) -> Result<(), CniError> {
        Call::begin(&args)
            .await?
            .unplug()
            .await
            .map_err(|error| error::attach(&error))
    }

    async fn check(&self, _args: Args) -> Result<(), CniError> {
        Err(unsupported("CHECK"))
    }

    async fn status(&self, _args: Args) -> Result<(), CniError> {
        Err(unsupported("STATUS"))
    }

    async fn gc(&self, _args: Args) -> Result<(), CniError> {
        Err(unsupported("GC"))
    }
}

/// What every verb about one attachment works with.
struct Call {
    conf: Conf,
    attachment: Attachment,
    host: Links,
    switch: OvsdbSwitch,
    _lock: AttachmentLock,
}

impl Call {
    /// Checks what the runtime gave us, and waits for an earlier call for the attachment to end.
    async fn begin(args: &Args) -> Result<Self, CniError> {
        let conf = Conf::from_envelope(args.config()).map_err(|error| error::conf(&error))?;
        let attachment = attachment(args)?;
        // The directory of the agent's socket is root's alone.
        let directory = conf.agent_socket.parent().unwrap_or(Path::new("/run"));
        let lock = AttachmentLock::take(directory, &attachment)
            .await
            .map_err(|error| error::lock(&error))?;
        let host = Links::here().map_err(|error| error::link(&error))?;
        // It connects when it is first used, so that DEL does without what needs no OVSDB.
        let switch = OvsdbSwitch::new(&conf.ovsdb_socket, OVSDB_DEADLINE);
        Ok(Self {
            conf,
            attachment,
            host,
            switch,
            _lock: lock,
        })
    }

    fn site(&self) -> Site<'_> {
        Site {
            bridge: &self.conf.bridge,
            switch: &self.switch,
            host: &self.host,
        }
    }

    /// Unplugs the attachment and has its address released.
    async fn unplug(&self) -> Result<(), AttachError> {
        let unplugged = attach::unplug(&self.site(), &self.attachment).await;
        // The tombstone is what counts: with the agent or netmaster away, the agent settles it
        // when they are back.
        let _ = agent::settle(&self.conf.agent_socket, self.attachment.clone()).await;
        unplugged
    }

    /// Takes back what a failed ADD made, and what was left of one before it. An attachment that
    /// was whole before stays: a pod may be running on it.
    async fn undo(&self, before: &Seen) {
        if !before.is_whole() {
            // The error that stopped the ADD is the one worth telling; what cannot be undone now
            // has its tombstone or its mark, and DEL or the agent finds it.
            let _ = self.unplug().await;
        }
    }
}

fn wanted(attachment: &Attachment, assignment: &Assignment) -> Wanted {
    Wanted {
        attachment: attachment.clone(),
        vlan: assignment.vlan,
        mtu: assignment.mtu,
        mac: assignment.mac,
        ip: assignment.ip,
        prefix: assignment.prefix,
        gateway: assignment.gateway,
    }
}

fn result(wanted: &Wanted, netns: &Path) -> Result<CNIResult, CniError> {
    let interface = Interface {
        name: wanted.attachment.ifname.to_string(),
        mac: wanted.mac.to_string(),
        mtu: Some(wanted.mtu.into()),
        sandbox: Some(netns.display().to_string()),
        socket_path: None,
        pci_id: None,
    };
    let default = if wanted.ip.is_ipv4() {
        "0.0.0.0/0"
    } else {
        "::/0"
    };
    Ok(CNIResult {
        interfaces: vec![interface],
        ips: vec![IpConfig {
            interface: Some(0),
            address: in_result(&format!("{}/{}", wanted.ip, wanted.prefix))?,
            gateway: Some(wanted.gateway),
        }],
        routes: vec![Route {
            dst: in_result(default)?,
            gw: Some(wanted.gateway),
            mtu: None,
            advmss: None,
            priority: None,
            table: None,
            scope: None,
        }],
        dns: None,
    })
}

/// Text in the type that the result's crate has for it.
fn in_result<T: FromStr>(text: &str) -> Result<T, CniError> {
    text.parse()
        .map_err(|_| CniError::IOFailure(format!("`{text}` does not fit a CNI result")))
}

fn attachment(args: &Args) -> Result<Attachment, CniError> {
    let value = |name: &str, value: Option<String>| {
        value.ok_or_else(|| CniError::InvalidEnvValue(format!("{name} is missing")))
    };
    let container = value(
        "CNI_CONTAINERID",
        args.container_id().map(ToString::to_string),
    )?;
    let ifname = value("CNI_IFNAME", args.ifname().map(ToString::to_string))?;
    let invalid = |name: &str, error: &dyn std::fmt::Display| {
        CniError::InvalidEnvValue(format!("{name}: {error}"))
    };
    Ok(Attachment {
        container: container
            .parse()
            .map_err(|error| invalid("CNI_CONTAINERID", &error))?,
        ifname: ifname
            .parse()
            .map_err(|error| invalid("CNI_IFNAME", &error))?,
    })
}

fn open_netns(path: &Path) -> Result<Netns, CniError> {
    let env = |error: &NetnsError| CniError::InvalidEnvValue(format!("CNI_NETNS: {error}"));
    let netns = Netns::open(path).map_err(|error| env(&error))?;
    let own = Netns::current().map_err(|error| env(&error))?;
    if netns.is_same(&own) {
        // The specification's own words for this case are code 8.
        return Err(CniError::InvalidNetNS(format!(
            "CNI_NETNS `{}` is the node's own network namespace: give the container's",
            path.display()
        )));
    }
    Ok(netns)
}

fn unsupported(verb: &str) -> CniError {
    CniError::InvalidEnvValue(format!(
        "CNI_COMMAND `{verb}` is not supported by this version: it has ADD, DEL and VERSION"
    ))
}

//! From our errors to the specification's codes.
//!
//! Codes 1–99 are the specification's: 4 an environment variable, 6 standard input that is no
//! JSON, 7 the network configuration, 11 try again later. 100 and above are ours.

use rscni_plugin::error::Error as CniError;
use trunkline_netlink::LinkError;
use trunkline_ovs::SwitchError;
use trunkline_rpc::RefusalCode;
use trunkline_types::chain;

use crate::agent::AgentError;
use crate::attach::AttachError;
use crate::conf::ConfError;
use crate::lock::LockError;

/// The network has no free address.
const CODE_FULL: u32 = 100;
/// Something that is not ours stands in the way.
const CODE_CONFLICT: u32 = 101;
/// Open vSwitch took the port but cannot use it.
const CODE_PORT: u32 = 102;

/// The specification's form of a bad configuration.
pub fn conf(error: &ConfError) -> CniError {
    CniError::InvalidNetworkConfig(error.to_string())
}

/// The specification's form of the agent's refusal or absence.
pub fn agent(error: &AgentError) -> CniError {
    let details = chain(error);
    match error {
        AgentError::Refused(refusal) => match refusal.code {
            RefusalCode::Denied => CniError::InvalidNetworkConfig(details),
            RefusalCode::Full => CniError::Custom(CODE_FULL, "No free address".into(), details),
            RefusalCode::Retry | RefusalCode::NotReady | RefusalCode::Protocol => {
                CniError::TryAgainLater(details)
            }
        },
        AgentError::Unreachable(_) | AgentError::Unexpected => CniError::TryAgainLater(details),
    }
}

/// The specification's form of an interface that could not be built or removed.
pub fn attach(error: &AttachError) -> CniError {
    let details = chain(error);
    match error {
        AttachError::Conflict(_) => {
            CniError::Custom(CODE_CONFLICT, "Not ours, not touched".into(), details)
        }
        AttachError::Port(_) => CniError::Custom(
            CODE_PORT,
            "Open vSwitch cannot use the port".into(),
            details,
        ),
        AttachError::Switch(switch) => self::switch(switch),
        AttachError::Link(_) | AttachError::Announce(_) | AttachError::LinkVanished(_) => {
            CniError::IOFailure(details)
        }
        AttachError::Family(_) => CniError::InvalidNetworkConfig(details),
    }
}

/// The specification's form of an attachment that another call works on.
pub fn lock(error: &LockError) -> CniError {
    match error {
        LockError::Busy(_) => CniError::TryAgainLater(chain(error)),
        LockError::File { .. } => CniError::IOFailure(chain(error)),
    }
}

/// The specification's form of an OVSDB failure.
fn switch(error: &SwitchError) -> CniError {
    // The agent makes the bridge; until it has, nothing can be plugged.
    if error.is_retryable() || matches!(error, SwitchError::BridgeMissing { .. }) {
        CniError::TryAgainLater(chain(error))
    } else {
        CniError::IOFailure(chain(error))
    }
}

/// The specification's form of a netlink failure.
pub fn link(error: &LinkError) -> CniError {
    CniError::IOFailure(chain(error))
}

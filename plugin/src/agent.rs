//! The two calls to the node agent.

use std::path::Path;
use std::time::Duration;

use trunkline_rpc::{AssignRequest, Assignment, Call, FrameError, Refusal, RefusalCode, Reply};
use trunkline_types::Attachment;

/// How long an assignment may take: the agent itself answers within 12 s.
const ASSIGN_DEADLINE: Duration = Duration::from_secs(15);
/// How long to wait for the release: the tombstone is what counts, and the agent goes on anyway.
const SETTLE_DEADLINE: Duration = Duration::from_secs(2);

/// Why the agent did not do as asked.
#[derive(Debug, thiserror::Error)]
pub enum AgentError {
    /// It could not be asked, or did not answer.
    #[error("the node agent did not answer")]
    Unreachable(#[from] FrameError),
    /// It refused.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// It answered something else than was asked.
    #[error(
        "the node agent answered something else than was asked: upgrade the older one of trunkline and netplugin"
    )]
    Unexpected,
}

impl AgentError {
    /// Whether an address may have been assigned all the same: the question went out, and the
    /// answer got lost on the way.
    pub fn is_outcome_unknown(&self) -> bool {
        match self {
            Self::Unreachable(FrameError::Connect { .. }) => false,
            Self::Unreachable(_) | Self::Unexpected => true,
            Self::Refused(refusal) => refusal.code == RefusalCode::Retry,
        }
    }
}

/// Gets the attachment's assignment, the same one each time.
pub async fn assign(socket: &Path, request: AssignRequest) -> Result<Assignment, AgentError> {
    match trunkline_rpc::call(socket, Call::Assign(request), ASSIGN_DEADLINE).await? {
        Reply::Assigned(assignment) => Ok(assignment),
        Reply::Refused(refusal) => Err(refusal.into()),
        Reply::Settled => Err(AgentError::Unexpected),
    }
}

/// Has the agent tell netmaster that the attachment is gone.
pub async fn settle(socket: &Path, attachment: Attachment) -> Result<(), AgentError> {
    match trunkline_rpc::call(socket, Call::Settle(attachment), SETTLE_DEADLINE).await? {
        Reply::Settled => Ok(()),
        Reply::Refused(refusal) => Err(refusal.into()),
        Reply::Assigned(_) => Err(AgentError::Unexpected),
    }
}

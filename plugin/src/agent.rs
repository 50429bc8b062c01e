//! The two calls to the node agent.

use std::path::Path;
use std::time::Duration;

use trunkline_rpc::{AssignRequest, Assignment, Call, FrameError, Refusal, Reply};
use trunkline_types::Attachment;

/// How long an answer may take: the agent itself gives netmaster 5 s.
const DEADLINE: Duration = Duration::from_secs(15);

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

/// Gets the attachment's assignment, the same one each time.
pub async fn assign(socket: &Path, request: AssignRequest) -> Result<Assignment, AgentError> {
    match trunkline_rpc::call(socket, Call::Assign(request), DEADLINE).await? {
        Reply::Assigned(assignment) => Ok(assignment),
        Reply::Refused(refusal) => Err(refusal.into()),
        Reply::Settled => Err(AgentError::Unexpected),
    }
}

/// Has the agent tell netmaster that the attachment is gone.
pub async fn settle(socket: &Path, attachment: Attachment) -> Result<(), AgentError> {
    match trunkline_rpc::call(socket, Call::Settle(attachment), DEADLINE).await? {
        Reply::Settled => Ok(()),
        Reply::Refused(refusal) => Err(refusal.into()),
        Reply::Assigned(_) => Err(AgentError::Unexpected),
    }
}

//! Answers the CNI executable on the agent's unix socket.

use std::fs;
use std::io;
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::Semaphore;
use trunkline_rpc::{
    AssignRequest, Call, FrameError, PROTOCOL, Refusal, RefusalCode, Reply, Request, read_frame,
    write_frame,
};
use trunkline_types::Attachment;

use crate::netmaster::Netmaster;
use crate::tombstones::Tombstones;

/// How many calls are answered at once; more wait their turn. A kubelet starts pods in tens.
const MAX_CALLS: usize = 128;
/// How long a caller may take to send its request, and to take its answer.
const CALLER_DEADLINE: Duration = Duration::from_secs(5);
/// Only root calls CNI plugins.
const SOCKET_MODE: u32 = 0o600;
const DIRECTORY_MODE: u32 = 0o700;

/// The listener and what it needs to answer.
pub struct CniServer {
    listener: UnixListener,
    desk: Arc<Desk>,
}

/// Answers one call at a time, from many tasks.
struct Desk {
    netmaster: Netmaster,
    tombstones: Arc<Tombstones>,
}

impl CniServer {
    /// Listens on `socket`.
    ///
    /// # Errors
    ///
    /// Another agent listens there, or the socket cannot be made.
    pub fn bind(
        socket: &Path,
        netmaster: Netmaster,
        tombstones: Arc<Tombstones>,
    ) -> anyhow::Result<Self> {
        let listener = listen(socket)
            .with_context(|| format!("can't listen on `socket` `{}`", socket.display()))?;
        Ok(Self {
            listener,
            desk: Arc::new(Desk {
                netmaster,
                tombstones,
            }),
        })
    }

    /// Answers calls, for ever.
    pub async fn serve(&self) {
        let slots = Arc::new(Semaphore::new(MAX_CALLS));
        loop {
            let Ok(slot) = Arc::clone(&slots).acquire_owned().await else {
                return;
            };
            match self.listener.accept().await {
                Ok((stream, _)) => {
                    let desk = Arc::clone(&self.desk);
                    tokio::spawn(async move {
                        if let Err(error) = desk.answer_caller(stream).await {
                            tracing::warn!(error = %error, "a CNI call broke off");
                        }
                        drop(slot);
                    });
                }
                Err(error) => {
                    // Out of file descriptors, say: others must end before it is worth retrying.
                    tracing::warn!(error = %error, "can't accept a CNI call");
                    tokio::time::sleep(Duration::from_millis(100)).await;
                }
            }
        }
    }
}

impl Desk {
    async fn answer_caller(&self, mut stream: UnixStream) -> Result<(), FrameError> {
        let timeout = |_| FrameError::Timeout(CALLER_DEADLINE);
        let read = read_frame::<_, Request>(&mut stream);
        let reply = match tokio::time::timeout(CALLER_DEADLINE, read)
            .await
            .map_err(timeout)?
        {
            Ok(request) => self.answer(request).await,
            Err(FrameError::Malformed(error)) => refuse(
                RefusalCode::Protocol,
                format!("the request is not one of protocol {PROTOCOL}: {error}"),
            ),
            Err(error) => return Err(error),
        };
        let write = write_frame(&mut stream, &reply);
        tokio::time::timeout(CALLER_DEADLINE, write)
            .await
            .map_err(timeout)?
    }

    async fn answer(&self, request: Request) -> Reply {
        if request.protocol != PROTOCOL {
            return refuse(
                RefusalCode::Protocol,
                format!(
                    "netplugin speaks protocol {PROTOCOL}, trunkline asked in {}: upgrade the \
                     older one",
                    request.protocol
                ),
            );
        }
        match request.call {
            Call::Assign(request) => self.assign(request).await,
            Call::Settle(attachment) => self.settle(&attachment).await,
        }
    }

    async fn assign(&self, request: AssignRequest) -> Reply {
        let attachment = request.attachment.clone();
        let lock = self.tombstones.lock(&attachment).await;
        // A tombstone of an earlier life would release what is assigned now.
        if let Err(refusal) = self.tombstones.settle(&attachment, &lock).await {
            return Reply::Refused(refusal);
        }
        match self.netmaster.assign(request).await {
            Ok(assignment) => {
                let (ip, network) = (assignment.ip, &assignment.network);
                tracing::info!(%attachment, %ip, %network, "assigned");
                Reply::Assigned(assignment)
            }
            Err(refusal) => {
                tracing::warn!(%attachment, error = %refusal, "can't assign an address");
                Reply::Refused(refusal)
            }
        }
    }

    async fn settle(&self, attachment: &Attachment) -> Reply {
        let lock = self.tombstones.lock(attachment).await;
        match self.tombstones.settle(attachment, &lock).await {
            Ok(()) => Reply::Settled,
            Err(refusal) => {
                tracing::warn!(%attachment, error = %refusal, "can't release yet");
                Reply::Refused(refusal)
            }
        }
    }
}

fn refuse(code: RefusalCode, message: String) -> Reply {
    tracing::warn!(error = message, "refused a CNI call");
    Reply::Refused(Refusal { code, message })
}

fn listen(socket: &Path) -> anyhow::Result<UnixListener> {
    if let Some(directory) = socket.parent() {
        fs::DirBuilder::new()
            .recursive(true)
            .mode(DIRECTORY_MODE)
            .create(directory)
            .with_context(|| format!("can't create `{}`", directory.display()))?;
    }
    // A socket file outlives the process that was killed; one with a listener behind it is taken.
    match std::os::unix::net::UnixStream::connect(socket) {
        Ok(_) => anyhow::bail!("another netplugin listens there: stop it first"),
        Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => fs::remove_file(socket)?,
        Err(_) => {}
    }
    let listener = UnixListener::bind(socket)?;
    fs::set_permissions(socket, fs::Permissions::from_mode(SOCKET_MODE))?;
    Ok(listener)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_socket_with_a_listener_is_not_taken_over() {
        let dir = tempfile::tempdir().unwrap();
        let socket = dir.path().join("agent.sock");
        let _first = listen(&socket).unwrap();
        let error = listen(&socket).unwrap_err().to_string();
        assert!(error.contains("another netplugin"), "{error}");
    }

    #[tokio::test]
    async fn a_socket_left_by_a_crash_is_taken_over_and_roots_alone() {
        let dir = tempfile::tempdir().unwrap();
        let socket = dir.path().join("run/agent.sock");
        drop(listen(&socket).unwrap());
        assert!(socket.exists());
        let _second = listen(&socket).unwrap();
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(&socket), SOCKET_MODE);
        assert_eq!(mode(socket.parent().unwrap()), DIRECTORY_MODE);
    }
}

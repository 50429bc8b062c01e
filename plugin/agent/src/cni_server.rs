//! Answers the CNI executable on the agent's unix socket.

use std::fs::{self, DirBuilder, File, Permissions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, FileTypeExt, PermissionsExt};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use nix::fcntl::{Flock, FlockArg};
use nix::unistd::geteuid;
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::{Semaphore, watch};
use trunkline_rpc::{
    AssignRequest, Call, FrameError, PROTOCOL, Refusal, RefusalCode, Reply, Request, read_frame,
    write_frame,
};
use trunkline_types::Attachment;

use crate::bridge::State;
use crate::netmaster::Netmaster;
use crate::tombstones::Tombstones;

/// How many calls are answered at once; more wait their turn. A kubelet starts pods in tens.
const MAX_CALLS: usize = 128;
/// How long a caller may take to send its request, and to take its answer.
const CALLER_DEADLINE: Duration = Duration::from_secs(5);
/// How long an answer may take in all: less than the caller waits, so that it hears why.
const ANSWER_DEADLINE: Duration = Duration::from_secs(12);
/// Only root calls CNI plugins.
const SOCKET_MODE: u32 = 0o600;
const DIRECTORY_MODE: u32 = 0o700;

/// The listener.
pub struct CniServer {
    listener: UnixListener,
    /// Held while this agent lives, so that there is but one.
    _lock: Flock<File>,
}

/// Answers one call at a time, from many tasks.
pub struct Desk {
    netmaster: Netmaster,
    tombstones: Arc<Tombstones>,
    bridge: watch::Receiver<State>,
}

impl CniServer {
    /// Listens on `socket`.
    ///
    /// # Errors
    ///
    /// Another agent listens there, or the socket cannot be made.
    pub fn bind(socket: &Path) -> anyhow::Result<Self> {
        let (listener, lock) = listen(socket)
            .with_context(|| format!("can't listen on `socket` `{}`", socket.display()))?;
        Ok(Self {
            listener,
            _lock: lock,
        })
    }

    /// Answers calls, for ever.
    pub async fn serve(&self, desk: Desk) {
        let desk = Arc::new(desk);
        let slots = Arc::new(Semaphore::new(MAX_CALLS));
        loop {
            let Ok(slot) = Arc::clone(&slots).acquire_owned().await else {
                return;
            };
            match self.listener.accept().await {
                Ok((stream, _)) => {
                    let desk = Arc::clone(&desk);
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
    /// Answers with what netmaster says, once the bridge can take pods.
    pub fn new(
        netmaster: Netmaster,
        tombstones: Arc<Tombstones>,
        bridge: watch::Receiver<State>,
    ) -> Self {
        Self {
            netmaster,
            tombstones,
            bridge,
        }
    }

    async fn answer_caller(&self, mut stream: UnixStream) -> Result<(), FrameError> {
        let caller = stream.peer_cred()?.uid();
        if caller != 0 && caller != geteuid().as_raw() {
            // The socket's mode says the same; this holds if someone changed it.
            return Err(io::Error::from(io::ErrorKind::PermissionDenied).into());
        }
        let timeout = |_| FrameError::Timeout(CALLER_DEADLINE);
        let read = read_frame::<_, Request>(&mut stream);
        let reply = match tokio::time::timeout(CALLER_DEADLINE, read)
            .await
            .map_err(timeout)?
        {
            Ok(request) => tokio::time::timeout(ANSWER_DEADLINE, self.answer(request))
                .await
                .unwrap_or_else(|_| {
                    let seconds = ANSWER_DEADLINE.as_secs();
                    let message = format!("OVSDB or netmaster did not answer within {seconds} s");
                    refuse(RefusalCode::Retry, message)
                }),
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
        if let State::NotReady(reason) = &*self.bridge.borrow() {
            return refuse(
                RefusalCode::NotReady,
                format!("the bridge is not ready: {reason}"),
            );
        }
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

fn listen(socket: &Path) -> anyhow::Result<(UnixListener, Flock<File>)> {
    if let Some(directory) = socket.parent() {
        DirBuilder::new()
            .recursive(true)
            .mode(DIRECTORY_MODE)
            .create(directory)
            .with_context(|| format!("can't create `{}`", directory.display()))?;
    }
    let lock = only_agent(socket)?;
    // A socket outlives the process that was killed. Anything else of that name is a mistake in
    // the configuration, and not ours to remove.
    match fs::symlink_metadata(socket) {
        Ok(found) if found.file_type().is_socket() => fs::remove_file(socket)?,
        Ok(_) => anyhow::bail!("it exists and is no socket: correct the configuration"),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(error.into()),
    }
    let listener = UnixListener::bind(socket)?;
    fs::set_permissions(socket, Permissions::from_mode(SOCKET_MODE))?;
    Ok((listener, lock))
}

/// A lock beside the socket: the kernel drops it with the process, however that ends.
fn only_agent(socket: &Path) -> anyhow::Result<Flock<File>> {
    let mut path = socket.as_os_str().to_owned();
    path.push(".lock");
    let file = File::options()
        .create(true)
        .truncate(false)
        .write(true)
        .open(&path)
        .with_context(|| format!("can't open `{}`", Path::new(&path).display()))?;
    Flock::lock(file, FlockArg::LockExclusiveNonblock)
        .map_err(|_| anyhow::anyhow!("another netplugin listens there: stop it first"))
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
    async fn a_file_in_the_sockets_place_is_left_alone() {
        let dir = tempfile::tempdir().unwrap();
        let precious = dir.path().join("precious");
        fs::write(&precious, "text").unwrap();
        let error = listen(&precious).unwrap_err().to_string();
        assert!(error.contains("no socket"), "{error}");
        assert_eq!(fs::read_to_string(&precious).unwrap(), "text");
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

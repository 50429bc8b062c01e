//! Frames on the socket, and one whole call.

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::UnixStream;

use crate::message::{Call, Reply, Request};

/// The longest frame either side takes, in bytes of JSON.
const MAX_FRAME: u32 = 1 << 20;

/// A call that got no answer.
#[derive(Debug, thiserror::Error)]
pub enum FrameError {
    /// Nobody listens on the agent's socket.
    #[error("can't reach the node agent at `{}`: is netplugin running?", .socket.display())]
    Connect {
        /// The socket's path.
        socket: PathBuf,
        /// What the kernel said.
        #[source]
        source: io::Error,
    },
    /// The other side did not answer in time.
    #[error("no answer within {} s: see the other side's log", .0.as_secs())]
    Timeout(Duration),
    /// The connection broke.
    #[error("the connection broke")]
    Io(#[from] io::Error),
    /// The frame is longer than either side takes.
    #[error("a frame of {0} bytes is longer than 1 MiB")]
    TooLong(u64),
    /// The frame does not hold the message that was expected.
    #[error("the frame holds no such message")]
    Malformed(#[from] serde_json::Error),
}

/// Writes one message as a frame.
///
/// # Errors
///
/// [`FrameError::TooLong`] before anything is written; else the connection's failure.
pub async fn write_frame<W, M>(stream: &mut W, message: &M) -> Result<(), FrameError>
where
    W: AsyncWrite + Unpin,
    M: Serialize,
{
    let json = serde_json::to_vec(message)?;
    let length = u32::try_from(json.len())
        .ok()
        .filter(|length| *length <= MAX_FRAME)
        .ok_or(FrameError::TooLong(
            u64::try_from(json.len()).unwrap_or(u64::MAX),
        ))?;
    let mut frame = Vec::with_capacity(json.len() + 4);
    frame.extend_from_slice(&length.to_be_bytes());
    frame.extend_from_slice(&json);
    stream.write_all(&frame).await?;
    Ok(stream.flush().await?)
}

/// Reads one frame and the message in it.
///
/// # Errors
///
/// [`FrameError::TooLong`] before the frame's body is read; else what the connection or the
/// message's form made fail.
pub async fn read_frame<R, M>(stream: &mut R) -> Result<M, FrameError>
where
    R: AsyncRead + Unpin,
    M: DeserializeOwned,
{
    let length = stream.read_u32().await?;
    if length > MAX_FRAME {
        return Err(FrameError::TooLong(length.into()));
    }
    let mut json = Vec::new();
    // `take` keeps a peer that announces much and sends little from costing memory.
    let read = stream.take(length.into()).read_to_end(&mut json).await?;
    if u32::try_from(read) != Ok(length) {
        return Err(io::Error::from(io::ErrorKind::UnexpectedEof).into());
    }
    Ok(serde_json::from_slice(&json)?)
}

/// Makes one call to the agent that listens on `socket`.
///
/// # Errors
///
/// Any [`FrameError`]; a call that the agent refused is no error here but [`Reply::Refused`].
pub async fn call(socket: &Path, call: Call, deadline: Duration) -> Result<Reply, FrameError> {
    let exchange = async {
        let mut stream =
            UnixStream::connect(socket)
                .await
                .map_err(|source| FrameError::Connect {
                    socket: socket.to_owned(),
                    source,
                })?;
        write_frame(&mut stream, &Request::new(call)).await?;
        read_frame(&mut stream).await
    };
    tokio::time::timeout(deadline, exchange)
        .await
        .map_err(|_| FrameError::Timeout(deadline))?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_frame_is_read_as_it_was_written() {
        let mut wire = Vec::new();
        write_frame(&mut wire, &Reply::Settled).await.unwrap();
        assert_eq!(wire, b"\0\0\0\x09\"settled\"");
        let reply: Reply = read_frame(&mut wire.as_slice()).await.unwrap();
        assert_eq!(reply, Reply::Settled);
    }

    #[tokio::test]
    async fn an_oversized_frame_is_refused_before_its_body() {
        let mut wire: &[u8] = &[0x7f, 0xff, 0xff, 0xff];
        let error = read_frame::<_, Reply>(&mut wire).await.unwrap_err();
        assert!(matches!(error, FrameError::TooLong(0x7fff_ffff)), "{error}");
    }

    #[tokio::test]
    async fn a_cut_off_frame_is_an_error() {
        let mut wire: &[u8] = b"\0\0\0\x09\"set";
        let error = read_frame::<_, Reply>(&mut wire).await.unwrap_err();
        assert!(matches!(error, FrameError::Io(_)), "{error}");
    }

    #[tokio::test]
    async fn nobody_on_the_socket_is_said_with_its_path() {
        let error = call(
            Path::new("/nonexistent/agent.sock"),
            Call::Settle("c1/eth0".parse().unwrap()),
            Duration::from_secs(1),
        )
        .await
        .unwrap_err();
        assert!(
            error.to_string().contains("`/nonexistent/agent.sock`"),
            "{error}"
        );
    }
}

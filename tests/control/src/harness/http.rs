//! HTTP/1.1 connections, as light as thousands of clients in one process have to be.
//!
//! netmaster's own client hides what matters here: whether a request that failed can have had an
//! effect. It is used where that is not the question: for the types of the API.

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::Context as _;
use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper::{Method, Request};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::task::JoinHandle;

/// An answer.
#[derive(Clone, Debug)]
pub struct Reply {
    /// The HTTP status.
    pub status: u16,
    /// The whole body.
    pub body: Bytes,
}

/// One connection, which requests use one after the other.
#[derive(Debug)]
pub struct Connection {
    sender: SendRequest<Full<Bytes>>,
    driver: JoinHandle<()>,
}

impl Connection {
    /// Connects to `address`.
    ///
    /// # Errors
    ///
    /// Nobody listens, or not within `deadline`.
    pub async fn open(address: SocketAddr, deadline: Duration) -> anyhow::Result<Self> {
        let connect = async {
            let stream = TcpStream::connect(address).await?;
            stream.set_nodelay(true)?;
            anyhow::Ok(handshake(TokioIo::new(stream)).await?)
        };
        let (sender, connection) = tokio::time::timeout(deadline, connect)
            .await
            .with_context(|| format!("`{address}` does not answer"))?
            .with_context(|| format!("cannot connect to `{address}`"))?;
        let driver = tokio::spawn(async move {
            // How a connection ends is told to whoever uses it.
            let _ = connection.await;
        });
        Ok(Self { sender, driver })
    }

    /// Whether it is known to be closed, so that a request cannot even be sent.
    pub fn is_closed(&self) -> bool {
        self.sender.is_closed()
    }

    /// Sends a request and reads the answer. After an error the connection is not to be used again.
    ///
    /// # Errors
    ///
    /// The connection broke, or the answer did not come within `deadline`: what was asked for may
    /// have happened or not.
    pub async fn call(
        &mut self,
        method: Method,
        path: &str,
        body: Option<Vec<u8>>,
        deadline: Duration,
    ) -> anyhow::Result<Reply> {
        let mut request = Request::builder()
            .method(method)
            .uri(path)
            .header("host", "localhost");
        if body.is_some() {
            request = request.header("content-type", "application/json");
        }
        let request = request.body(Full::new(Bytes::from(body.unwrap_or_default())))?;
        let exchange = async {
            self.sender.ready().await?;
            let response = self.sender.send_request(request).await?;
            let status = response.status().as_u16();
            let body = response.into_body().collect().await?.to_bytes();
            anyhow::Ok(Reply { status, body })
        };
        tokio::time::timeout(deadline, exchange)
            .await
            .context("no answer in time")?
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.driver.abort();
    }
}

/// Asks once, on a connection of its own.
///
/// # Errors
///
/// There is no answer within `deadline`.
pub async fn get(address: SocketAddr, path: &str, deadline: Duration) -> anyhow::Result<Reply> {
    let mut connection = Connection::open(address, deadline).await?;
    connection.call(Method::GET, path, None, deadline).await
}

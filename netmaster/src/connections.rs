//! Serving HTTP on connections, within limits.
//!
//! hyper reads each connection, so that its times can be limited: a request's head has to come
//! within [`HEAD`], and so has the next request on a connection that is kept open.

use std::io;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::task::JoinSet;
use tracing::{debug, warn};
use trunkline_types::chain;

/// How long a request's head may take to come, from the connection's beginning or the end of the
/// request before it.
const HEAD: Duration = Duration::from_secs(30);

/// The largest head of a request, in bytes.
const HEAD_LIMIT: usize = 64 << 10;

/// How long to wait after a connection could not be accepted: most likely there are no file
/// descriptors left, and trying again at once would only burn time.
const RETRY: Duration = Duration::from_millis(100);

/// What connections are served with. Clones share their limit.
#[derive(Clone, Debug)]
pub(crate) struct Connections {
    router: Router,
    places: Arc<Semaphore>,
    stopping: watch::Receiver<bool>,
}

impl Connections {
    /// Up to `max` connections at a time; more wait to be accepted.
    pub(crate) fn new(router: Router, max: usize, stopping: watch::Receiver<bool>) -> Self {
        Self {
            router,
            places: Arc::new(Semaphore::new(max)),
            stopping,
        }
    }

    /// Serves what comes to `listener` until told to stop, and then until what is under way is
    /// answered. Dropped, it cuts its connections.
    pub(crate) async fn serve(self, listener: TcpListener) {
        let mut serving = JoinSet::new();
        let mut stopping = self.stopping.clone();
        loop {
            // All are cancel-safe: what is not accepted here waits, and is refused by the kernel
            // when the listener is closed.
            tokio::select! {
                () = told(&mut stopping) => break,
                Some(_) = serving.join_next() => {}
                accepted = self.accept(&listener) => match accepted {
                    Ok((stream, place)) => {
                        serving.spawn(self.clone().converse(stream, place));
                    }
                    Err(error) => {
                        warn!(error = chain(&error), "a connection cannot be accepted");
                        tokio::time::sleep(RETRY).await;
                    }
                },
            }
        }
        drop(listener);
        while serving.join_next().await.is_some() {}
    }

    async fn accept(
        &self,
        listener: &TcpListener,
    ) -> io::Result<(TcpStream, Option<OwnedSemaphorePermit>)> {
        // The semaphore is never closed, so there is a place.
        let place = self.places.clone().acquire_owned().await.ok();
        let (stream, _) = listener.accept().await?;
        // Small answers must not wait for more; a socket that refuses still works.
        let _ = stream.set_nodelay(true);
        Ok((stream, place))
    }

    async fn converse(self, stream: TcpStream, place: Option<OwnedSemaphorePermit>) {
        let mut stopping = self.stopping;
        let service = TowerToHyperService::new(self.router);
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(HEAD)
            .max_buf_size(HEAD_LIMIT)
            .serve_connection(TokioIo::new(stream), service);
        let mut connection = pin!(connection);
        let ended = tokio::select! {
            ended = connection.as_mut() => ended,
            () = told(&mut stopping) => {
                // No further request; watches end by themselves.
                connection.as_mut().graceful_shutdown();
                connection.await
            }
        };
        if let Err(error) = ended {
            debug!(error = chain(&error), "connection broke off");
        }
        drop(place);
    }
}

/// Returns when it is time to end. Cancel-safe.
async fn told(stopping: &mut watch::Receiver<bool>) {
    // Without its owner there is nothing to serve either.
    let _ = stopping.wait_for(|stopping| *stopping).await;
}

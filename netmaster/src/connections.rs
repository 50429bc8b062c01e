//! Serving HTTP on connections, within limits.
//!
//! hyper reads each connection, so that its times can be limited: a request's head has to come
//! within [`HEAD`], and so has the next request on a connection that is kept open. Who does not
//! read what it asked for is cut off, see [`Brisk`].

mod brisk;

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::Router;
use hyper::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::{Service as _, service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout};
use tracing::{debug, warn};
use trunkline_types::chain;

use crate::identity::Identity;
use crate::limits::{Bucket, Rate};
use crate::tls::{HandshakeError, Loaded, Secured, secure};

pub(crate) use brisk::Brisk;

/// How long a request's head may take to come, from the connection's beginning or the end of the
/// request before it.
const HEAD: Duration = Duration::from_secs(30);

/// The largest head of a request, in bytes.
const HEAD_LIMIT: usize = 64 << 10;

/// How long to wait after a connection could not be accepted: most likely there are no file
/// descriptors left, and trying again at once would only burn time.
const RETRY: Duration = Duration::from_millis(100);

/// How long the request of a client that is no longer trusted may still take; a watch never ends.
const GRACE: Duration = Duration::from_secs(5);

/// How many failed handshakes the log has in a second; more are of no use to who reads it, and
/// anybody can cause them.
const NOTICES: u32 = 10;

/// Who is at the other end of a connection.
#[derive(Clone, Debug)]
pub(crate) struct Peer {
    /// Where it is.
    pub(crate) address: IpAddr,
    /// Who that is, by the connection alone; none if nothing says.
    pub(crate) identity: Option<Identity>,
}

/// What has to be shown to come in.
#[derive(Clone, Debug)]
pub(crate) enum Door {
    /// Nothing: whoever comes is this one.
    Plain(Identity),
    /// A certificate, or else a token with each request.
    Tls(watch::Receiver<Arc<Loaded>>),
}

/// What connections are served with. Clones share their limit.
#[derive(Clone, Debug)]
pub(crate) struct Connections {
    router: Router,
    places: Arc<Semaphore>,
    notices: Arc<Mutex<Bucket>>,
    stopping: watch::Receiver<bool>,
}

impl Connections {
    /// Up to `max` connections at a time; more wait to be accepted.
    pub(crate) fn new(router: Router, max: usize, stopping: watch::Receiver<bool>) -> Self {
        Self {
            router,
            places: Arc::new(Semaphore::new(max)),
            notices: Arc::default(),
            stopping,
        }
    }

    /// Serves what comes to `listener` until told to stop, and then until what is under way is
    /// answered. Dropped, it cuts its connections.
    pub(crate) async fn serve(self, listener: TcpListener, door: Door) {
        let mut serving = JoinSet::new();
        let mut stopping = self.stopping.clone();
        loop {
            // All are cancel-safe: what is not accepted here waits, and is refused by the kernel
            // when the listener is closed.
            tokio::select! {
                () = told(&mut stopping) => break,
                Some(_) = serving.join_next() => {}
                accepted = self.accept(&listener) => match accepted {
                    Ok((stream, address, place)) => {
                        // As it is written everywhere, also on a socket of both families.
                        let address = address.ip().to_canonical();
                        let connection = self.clone().come_in(stream, address, door.clone());
                        serving.spawn(async move {
                            connection.await;
                            drop(place);
                        });
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
    ) -> io::Result<(TcpStream, SocketAddr, Option<OwnedSemaphorePermit>)> {
        // The semaphore is never closed, so there is a place.
        let place = self.places.clone().acquire_owned().await.ok();
        let (stream, address) = listener.accept().await?;
        // Small answers must not wait for more; a socket that refuses still works.
        let _ = stream.set_nodelay(true);
        Ok((stream, address, place))
    }

    async fn come_in(mut self, stream: TcpStream, address: IpAddr, door: Door) {
        let loaded = match door {
            Door::Plain(identity) => {
                let identity = Some(identity);
                let peer = Peer { address, identity };
                return self
                    .converse(Brisk::new(stream), peer, std::future::pending())
                    .await;
            }
            Door::Tls(loaded) => loaded,
        };
        let secured = tokio::select! {
            secured = secure(stream, loaded) => secured,
            // Nothing has been asked yet.
            () = told(&mut self.stopping) => return,
        };
        let Secured {
            stream,
            holder,
            trusted,
        } = match secured {
            Ok(secured) => secured,
            Err(error) => return self.notice(address, &error),
        };
        let identity = match holder {
            Some(Ok(holder)) => Some(holder.identity),
            Some(Err(error)) => {
                self.notice(address, &error.into());
                None
            }
            None => None,
        };
        let peer = Peer { address, identity };
        self.converse(stream, peer, trusted.lost()).await;
    }

    /// Says that somebody did not come in, unless that is said too often.
    fn notice(&self, address: IpAddr, error: &HandshakeError) {
        let rate = Rate::per_second(NOTICES, NOTICES);
        let seldom = || {
            let mut bucket = self.notices.lock().unwrap_or_else(PoisonError::into_inner);
            bucket.take(rate, Instant::now()).is_ok()
        };
        let is_news = !matches!(error, HandshakeError::Silent) && seldom();
        let error = chain(error);
        match is_news {
            true => warn!(%address, error, "connection refused"),
            false => debug!(%address, error, "connection refused"),
        }
    }

    /// Answers requests, until `distrusted` is done.
    async fn converse<S>(mut self, stream: S, peer: Peer, distrusted: impl Future<Output = ()>)
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        let router = TowerToHyperService::new(self.router);
        let service = service_fn(move |mut request: Request<Incoming>| {
            request.extensions_mut().insert(peer.clone());
            router.call(request)
        });
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(HEAD)
            .max_buf_size(HEAD_LIMIT)
            .serve_connection(TokioIo::new(stream), service);
        let mut connection = pin!(connection);
        let ended = tokio::select! {
            ended = connection.as_mut() => ended,
            () = told(&mut self.stopping) => {
                // No further request; watches end by themselves.
                connection.as_mut().graceful_shutdown();
                connection.await
            }
            () = distrusted => {
                connection.as_mut().graceful_shutdown();
                timeout(GRACE, connection).await.unwrap_or(Ok(()))
            }
        };
        if let Err(error) = ended {
            debug!(error = chain(&error), "connection broke off");
        }
    }
}

/// Returns when it is time to end. Cancel-safe.
async fn told(stopping: &mut watch::Receiver<bool>) {
    // Without its owner there is nothing to serve either.
    let _ = stopping.wait_for(|stopping| *stopping).await;
}

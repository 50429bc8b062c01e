//! Serving HTTP on connections, within limits.
//!
//! hyper reads each connection, so that its times can be limited, see [`Deadlines`]: a request's
//! head has to come in time, and so has the next request on a connection that is kept open. Who does
//! not read what it asked for is cut off, see [`Brisk`]. How many there may be, see [`Places`].

mod brisk;
mod deadlines;
mod noted;
mod places;

use std::error::Error;
use std::io;
use std::net::IpAddr;
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
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout};
use tracing::{debug, warn};
use trunkline_types::chain;

use crate::identity::{Identity, IdentityName};
use crate::limits::{Bucket, Rate};
use crate::tls::{HandshakeError, Loaded, Secured, secure};

use noted::{Begun, Noted};
use places::Place;

pub(crate) use brisk::Brisk;
pub use deadlines::Deadlines;
pub(crate) use places::{Introduction, Places};

/// The largest head of a request, in bytes. What a replica says of a token with 64 networks has room
/// in it.
const HEAD_LIMIT: usize = 16 << 10;

/// How long to wait after a connection could not be accepted: most likely there are no file
/// descriptors left, and trying again at once would only burn time.
const RETRY: Duration = Duration::from_millis(100);

/// How long the request of a client that is no longer trusted may still take; a watch never ends.
const GRACE: Duration = Duration::from_secs(5);

/// How many refusals that anybody can cause the log has in a second; more are of no use to who reads
/// it.
const NOTICES: u32 = 10;

/// Says which refusals have a place in the log. Clones share their number.
#[derive(Clone, Debug, Default)]
pub(crate) struct Notices {
    bucket: Arc<Mutex<Bucket>>,
}

impl Notices {
    /// Whether there were few of late, counting this one.
    pub(crate) fn take(&self) -> bool {
        let rate = Rate::per_second(NOTICES, NOTICES);
        let mut bucket = self.bucket.lock().unwrap_or_else(PoisonError::into_inner);
        bucket.take(rate, Instant::now()).is_ok()
    }
}

/// Who is at the other end of a connection.
#[derive(Clone, Debug)]
pub(crate) struct Peer {
    /// Where it is.
    pub(crate) address: IpAddr,
    /// Who that is, by the connection alone; none if nothing says.
    pub(crate) identity: Option<Identity>,
    /// What is to be told when a request says who that is; none if the connection does.
    pub(crate) introduction: Option<Introduction>,
    /// What the log has of it, beside what is refused for good reasons.
    pub(crate) notices: Notices,
}

/// Why a connection was ended from this side.
#[derive(Debug, thiserror::Error)]
enum Ended {
    #[error("what came is no HTTP that could be understood")]
    NoHttp(#[source] hyper::Error),
    #[error("the head of a request did not come within {} seconds", .0.as_secs())]
    LateHead(Duration),
    #[error("what was asked for was not read")]
    Unread(#[source] hyper::Error),
}

impl Peer {
    /// Whether it came without TLS: then it is whoever the listener says.
    pub(crate) fn is_in_the_clear(&self) -> bool {
        let name = self.identity.as_ref().map(Identity::name);
        matches!(name, Some(IdentityName::Local | IdentityName::Anonymous))
    }
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
    places: Places,
    deadlines: Deadlines,
    notices: Notices,
    stopping: watch::Receiver<bool>,
}

impl Connections {
    /// As many connections at a time as there are `places` for.
    pub(crate) fn new(
        router: Router,
        places: Places,
        deadlines: Deadlines,
        stopping: watch::Receiver<bool>,
    ) -> Self {
        Self {
            router,
            places,
            deadlines,
            notices: Notices::default(),
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
            let accepted = tokio::select! {
                () = told(&mut stopping) => break,
                Some(_) = serving.join_next() => continue,
                accepted = listener.accept() => accepted,
            };
            let (stream, address) = match accepted {
                Ok(accepted) => accepted,
                Err(error) => {
                    warn!(error = chain(&error), "a connection cannot be accepted");
                    tokio::time::sleep(RETRY).await;
                    continue;
                }
            };
            // As it is written everywhere, also on a socket of both families.
            let address = address.ip().to_canonical();
            // One that nobody has a place for is closed when netmaster ends.
            let place = tokio::select! {
                place = self.place(address, &door) => place,
                () = told(&mut stopping) => break,
            };
            // Small answers must not wait for more; a socket that refuses still works.
            let _ = stream.set_nodelay(true);
            serving.spawn(self.clone().keep(stream, address, door.clone(), place));
        }
        drop(listener);
        while serving.join_next().await.is_some() {}
    }

    async fn place(&self, address: IpAddr, door: &Door) -> Place {
        match door {
            Door::Plain(_) => self.places.take(address).await,
            Door::Tls(_) => self.places.take_as_stranger(address).await,
        }
    }

    /// Serves a connection for as long as it has a place.
    async fn keep(self, stream: TcpStream, address: IpAddr, door: Door, mut place: Place) {
        let introduction = place.introduction();
        let notices = self.notices.clone();
        // What is under way is lost with the place: of strangers, and of who has too many.
        tokio::select! {
            () = self.come_in(stream, address, door, introduction) => {}
            why = place.lost() => refused(&notices, address, &why),
        }
    }

    async fn come_in(
        mut self,
        stream: TcpStream,
        address: IpAddr,
        door: Door,
        introduction: Option<Introduction>,
    ) {
        let notices = self.notices.clone();
        let loaded = match door {
            Door::Plain(identity) => {
                let peer = Peer {
                    address,
                    identity: Some(identity),
                    introduction,
                    notices,
                };
                let stream = Brisk::new(stream, self.deadlines.reading);
                return self.converse(stream, peer, std::future::pending()).await;
            }
            Door::Tls(loaded) => loaded,
        };
        let secured = tokio::select! {
            secured = secure(stream, loaded, self.deadlines) => secured,
            // Nothing has been asked yet.
            () = told(&mut self.stopping) => return,
        };
        let Secured {
            stream,
            holder,
            trusted,
        } = match secured {
            Ok(secured) => secured,
            Err(HandshakeError::Silent) => {
                debug!(%address, "closed before anything was said");
                return;
            }
            Err(error) => return refused(&notices, address, &error),
        };
        let identity = match holder {
            Some(Ok(holder)) => Some(holder.identity),
            Some(Err(error)) => {
                refused(&notices, address, &HandshakeError::from(error));
                None
            }
            None => None,
        };
        if let (Some(identity), Some(introduction)) = (&identity, &introduction) {
            introduction.known(identity);
        }
        let peer = Peer {
            address,
            identity,
            introduction,
            notices,
        };
        self.converse(stream, peer, trusted.lost()).await;
    }

    /// Answers requests, until `distrusted` is done.
    async fn converse<S>(mut self, stream: S, peer: Peer, distrusted: impl Future<Output = ()>)
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        let router = TowerToHyperService::new(self.router);
        let (address, notices) = (peer.address, peer.notices.clone());
        let begun = Begun::default();
        let answered = begun.clone();
        let service = service_fn(move |mut request: Request<Incoming>| {
            request.extensions_mut().insert(peer.clone());
            let answer = router.call(request);
            let answered = answered.clone();
            async move {
                let answer = answer.await;
                answered.answered();
                answer
            }
        });
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(self.deadlines.head)
            .max_buf_size(HEAD_LIMIT)
            .serve_connection(TokioIo::new(Noted::new(stream, begun.clone())), service);
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
        let Err(error) = ended else {
            return;
        };
        match told_of(error, &begun, self.deadlines.head) {
            Ok(ended) => refused(&notices, address, &ended),
            Err(error) => debug!(%address, error = chain(&error), "connection broke off"),
        }
    }
}

/// What a connection was ended for, if that was for what the client did; else the error itself.
fn told_of(error: hyper::Error, begun: &Begun, head: Duration) -> Result<Ended, hyper::Error> {
    let cause = error.source();
    let cause = cause.and_then(|cause| cause.downcast_ref::<io::Error>());
    let stalled = cause.is_some_and(|cause| cause.kind() == io::ErrorKind::TimedOut);
    if error.is_parse() {
        Ok(Ended::NoHttp(error))
    } else if stalled {
        Ok(Ended::Unread(error))
    } else if error.is_timeout() && begun.is_so() {
        Ok(Ended::LateHead(head))
    } else {
        // It went away, or was quiet for long, as clients do that keep connections open.
        Err(error)
    }
}

/// Says that somebody did not come in or was cut off, unless that is said too often.
fn refused(notices: &Notices, address: IpAddr, error: &(dyn Error + 'static)) {
    let error = chain(error);
    match notices.take() {
        true => warn!(%address, error, "connection refused"),
        false => debug!(%address, error, "connection refused"),
    }
}

/// Returns when it is time to end. Cancel-safe.
async fn told(stopping: &mut watch::Receiver<bool>) {
    // Without its owner there is nothing to serve either.
    let _ = stopping.wait_for(|stopping| *stopping).await;
}

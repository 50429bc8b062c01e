//! Watches: lines that say what changes, for as long as somebody listens.
//!
//! ```text
//! feed ─ publication ─► press: each line once ─► any number of watchers, each with its selectors
//! ```
//!
//! A watcher costs little while nothing happens: a place in the feed, and a task that sleeps. After
//! it has looked, it rests for a time that grows with the number of watchers, and then takes all
//! that has happened meanwhile: what comes alone comes at once, and what comes in a stream does not
//! wake ten thousand tasks for every batch.

mod press;

use std::collections::{HashMap, VecDeque};
use std::convert::Infallible;
use std::marker::PhantomData;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::body::Body;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use bytes::{Bytes, BytesMut};
use futures_util::FutureExt as _;
use futures_util::stream::unfold;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, sleep_until};
use trunkline_ipam::{Object, Revision};
use trunkline_netmaster_api::{ErrorCode, Problem, WatchEvent};

use super::access::Caller;
use super::cluster::catch_up;
use super::list::values;
use super::noun::Noun;
use super::query::Selection;
use super::scope::network_of;
use crate::allocator::Allocator;
use crate::app::App;
use crate::failure::Failure;
use crate::feed::{Compacted, Publication, Subscription};
use crate::identity::{Identity, IdentityName};
use crate::replica::Role;
use press::Press;

/// The media type of a watch: a line of JSON each.
pub(crate) const MEDIA_TYPE: &str = "application/x-ndjson";

/// After how long without a line a bookmark is sent.
const IDLE: Duration = Duration::from_secs(30);

/// How long a watcher rests after it has looked, for each watcher there is: all of them together
/// look no more than a hundred thousand times a second.
const REST: Duration = Duration::from_micros(10);

/// How many objects of the first list are rendered at a time.
const CHUNK: usize = 500;

/// How many bytes are sent at a time, more or less.
const FRAME: usize = 64 << 10;

/// The places that watches have, and the lines that they share. Clones are one and the same.
#[derive(Clone, Debug)]
pub(crate) struct Watches {
    places: Arc<Semaphore>,
    max: usize,
    /// How many each identity has, and may have.
    taken: Arc<Mutex<HashMap<IdentityName, usize>>>,
    max_each: usize,
    press: Arc<Press>,
}

impl Watches {
    /// Room for `max` watches at a time, of which one identity may have `max_each`.
    pub(crate) fn up_to(max: usize, max_each: usize) -> Self {
        Self {
            places: Arc::new(Semaphore::new(max)),
            max,
            taken: Arc::default(),
            max_each,
            press: Arc::default(),
        }
    }

    fn enter(&self, identity: &Identity) -> Result<Place, Failure> {
        let permit = self.places.clone().try_acquire_owned().map_err(|_| {
            Failure::new(
                ErrorCode::TooManyWatches,
                format!(
                    "there are {} watches already, as many as there may be: repeat the request, \
                     ask another replica, or raise `--max-watches`",
                    self.max
                ),
            )
        })?;
        let place = |owner| Place {
            _permit: permit,
            owner,
            taken: self.taken.clone(),
        };
        if identity.is_unlimited() {
            return Ok(place(None));
        }
        let owner = identity.name();
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        let count = taken.entry(owner.clone()).or_default();
        if *count >= self.max_each {
            let detail = format!(
                "`{owner}` has {count} watches already, as many as one may have: end one, or raise \
                 `--max-watches-each`"
            );
            return Err(Failure::new(ErrorCode::TooManyRequests, detail));
        }
        *count += 1;
        Ok(place(Some(owner.clone())))
    }

    fn rest(&self) -> Duration {
        let watchers = self.max - self.places.available_permits();
        REST.saturating_mul(u32::try_from(watchers).unwrap_or(u32::MAX))
    }
}

/// The place of one watch.
#[derive(Debug)]
struct Place {
    _permit: OwnedSemaphorePermit,
    /// Whose it is, if that is counted.
    owner: Option<IdentityName>,
    taken: Arc<Mutex<HashMap<IdentityName, usize>>>,
}

impl Drop for Place {
    fn drop(&mut self) {
        let Some(owner) = &self.owner else {
            return;
        };
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = taken.get_mut(owner) {
            *count -= 1;
            if *count == 0 {
                taken.remove(owner);
            }
        }
    }
}

/// Answers with what happens to objects of kind `N` after a revision; without one, first with how
/// they are.
pub(super) async fn watch<N: Noun>(
    app: &App,
    Caller(identity): &Caller,
    selection: Selection,
    after: Option<Revision>,
) -> Result<Response, Failure> {
    let place = app.watches.enter(identity)?;
    if let Some(after) = after {
        has_been(&app.allocator, after).await?;
    }
    let (first, after) = match after {
        Some(after) => (None, after),
        None => {
            let (objects, revision) = present::<N>(app, &selection);
            (Some(objects), revision)
        }
    };
    let subscription = app
        .allocator
        .feed()
        .subscribe(after)
        .map_err(|gap| compacted(&gap))?;
    let now = Instant::now();
    let watcher = Watcher::<N> {
        app: app.clone(),
        selection,
        subscription,
        seen: after,
        first,
        bookmark: now + IDLE,
        rested: now,
        _watching: app.metrics.watching(),
        _place: place,
        kind: PhantomData,
    };
    let frames = unfold(Some(watcher), async |watcher| {
        let mut watcher = watcher?;
        let (frame, goes_on) = watcher.next().await?;
        let frame = Ok::<_, Infallible>(frame);
        Some((frame, goes_on.then_some(watcher)))
    });
    Ok((
        [(header::CONTENT_TYPE, MEDIA_TYPE)],
        Body::from_stream(frames),
    )
        .into_response())
}

/// Refuses a revision in the future: a watch from there would pass over what happens before, and
/// its bookmarks would vouch for what never was. A follower may only be behind.
async fn has_been(allocator: &Allocator, after: Revision) -> Result<(), Failure> {
    // Before the revision: who leads has seen all that there is.
    let leads = *allocator.role().borrow() == Role::Leader;
    let tip = allocator.read(|catalog| catalog.revision());
    if after <= tip {
        return Ok(());
    }
    if !leads {
        return catch_up(allocator, after).await;
    }
    let why = format!(
        "revision {after} is yet to come, the last one is {tip}: use the `revision` of a list or \
         of a watch's last line, or leave it out"
    );
    Err(Failure::parameter("after", &why))
}

/// The objects of kind `N` as they are at one moment. Only what can be told without views is
/// sorted out here, because writers wait meanwhile.
fn present<N: Noun>(app: &App, selection: &Selection) -> (VecDeque<Object>, Revision) {
    app.look(|scene| {
        let objects = N::candidates(scene, selection);
        let objects = objects.filter(|object| {
            selection.matches_labels(N::labels(object))
                && selection.reaches(|| network_of(scene.catalog, object))
        });
        (objects.collect(), scene.catalog.revision())
    })
}

fn compacted(gap: &Compacted) -> Failure {
    Failure::new(ErrorCode::RevisionCompacted, gap.to_string())
}

struct Watcher<N> {
    app: App,
    selection: Selection,
    subscription: Subscription,
    /// Where to resume.
    seen: Revision,
    /// What is left of the first list; none when it has been sent.
    first: Option<VecDeque<Object>>,
    /// When the next bookmark is due.
    bookmark: Instant,
    /// When to look again.
    rested: Instant,
    _watching: crate::metrics::Watching,
    _place: Place,
    kind: PhantomData<fn() -> N>,
}

impl<N: Noun> Watcher<N> {
    /// The next lines, and whether more may follow. None when netmaster ends.
    async fn next(&mut self) -> Option<(Bytes, bool)> {
        while let Some(first) = &mut self.first {
            let chunk: Vec<_> = first.drain(..first.len().min(CHUNK)).collect();
            let frame = if chunk.is_empty() {
                self.first = None;
                line(&WatchEvent::<N::View>::Bookmark {
                    revision: self.seen.number(),
                })
            } else {
                self.listed(&chunk)
            };
            if !frame.is_empty() {
                return Some((frame, true));
            }
            tokio::task::yield_now().await;
        }
        let mut stopping = self.app.stopping.clone();
        loop {
            // All are cancel-safe: a publication is either returned or comes again.
            let publication = tokio::select! {
                _ = stopping.wait_for(|stopping| *stopping) => return None,
                () = sleep_until(self.bookmark) => {
                    self.bookmark = Instant::now() + IDLE;
                    let revision = self.seen.number();
                    return Some((line(&WatchEvent::<N::View>::Bookmark { revision }), true));
                }
                next = async {
                    sleep_until(self.rested).await;
                    self.subscription.next().await
                } => next,
            };
            let frame = match publication {
                Ok(publication) => self.collect(&publication),
                Err(gap) => Err(gap),
            };
            self.rested = Instant::now() + self.app.watches.rest();
            match frame {
                Ok(frame) if frame.is_empty() => {}
                Ok(frame) => {
                    self.bookmark = Instant::now() + IDLE;
                    return Some((frame, true));
                }
                Err(gap) => {
                    let problem = Problem::clone(compacted(&gap).problem());
                    return Some((line(&WatchEvent::<N::View>::Error { problem }), false));
                }
            }
        }
    }

    /// The lines of `publication` and of what has been published since.
    fn collect(&mut self, publication: &Publication) -> Result<Bytes, Compacted> {
        let mut frame = self.lines(publication);
        while frame.len() < FRAME
            && let Some(next) = self.subscription.next().now_or_never()
        {
            let more = self.lines(next?.as_ref());
            if frame.is_empty() {
                frame = more;
            } else if !more.is_empty() {
                let mut both = BytesMut::from(frame.as_ref());
                both.extend_from_slice(&more);
                frame = both.freeze();
            }
        }
        Ok(frame)
    }

    fn lines(&mut self, publication: &Publication) -> Bytes {
        self.seen = publication.to;
        let sheet = self.app.watches.press.sheet::<N>(&self.app, publication);
        sheet.lines(&self.selection)
    }

    /// The lines of some objects of the first list.
    fn listed(&self, objects: &[Object]) -> Bytes {
        let mut lines = BytesMut::new();
        self.app.look(|scene| {
            // What an object refers to may have gone with it since; then its end follows.
            for view in objects.iter().filter_map(|object| N::view(scene, object)) {
                if self
                    .selection
                    .matches_fields(|place| values::<N>(&view, place))
                {
                    let event = WatchEvent::Put {
                        revision: 0,
                        object: view,
                    };
                    lines.extend_from_slice(&line(&event));
                }
            }
        });
        lines.freeze()
    }
}

/// One line of a watch.
fn line<T: serde::Serialize>(event: &WatchEvent<T>) -> Bytes {
    // A view has neither maps with odd keys nor anything else that JSON cannot say.
    let mut line = serde_json::to_vec(event).unwrap_or_default();
    line.push(b'\n');
    line.into()
}

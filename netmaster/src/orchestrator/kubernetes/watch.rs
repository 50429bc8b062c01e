//! List, then watch; and list again when the watch cannot go on.

use std::collections::HashMap;
use std::fmt::Debug;
use std::hash::Hash;
use std::pin::pin;
use std::time::Duration;

use futures_util::StreamExt as _;
use kube::api::{Api, ListParams, WatchEvent, WatchParams};
use kube::{Error, Resource, ResourceExt as _};
use serde::de::DeserializeOwned;
use tokio::time::{sleep, timeout};
use tracing::{debug, warn};
use trunkline_types::chain;

use super::DEADLINE;
use crate::orchestrator::census::Told;

/// How many things a page of a list has.
const PAGE: u32 = 500;

/// How long the API server keeps a watch open, in seconds; then it is opened again.
const WATCH_SECONDS: u32 = 240;

/// How long a watch may say nothing beyond that. A connection that is dead without a word shows
/// in no other way.
const WATCH_DEADLINE: Duration = Duration::from_secs(WATCH_SECONDS as u64 + 20);

/// How long to wait before the API server is asked again, at first and at most.
const RETRY: [Duration; 2] = [Duration::from_millis(500), Duration::from_secs(15)];

/// Why a watch has ended.
enum Ended {
    /// As it does every few minutes; it can go on where it was.
    Closed,
    /// It cannot go on from where it was.
    Expired,
    /// The API server cannot be reached, or does not want.
    Failed(String),
}

/// Tells `hear` of all things of a kind, for as long as it is polled.
pub(super) async fn follow<T, K, V>(
    what: &'static str,
    api: Api<T>,
    read: fn(T) -> Option<(K, V)>,
    mut hear: impl FnMut(Told<K, V>),
) where
    T: Resource + Clone + DeserializeOwned + Debug,
    K: Eq + Hash,
{
    let mut wait = RETRY[0];
    loop {
        let mut revision = match list(&api, read).await {
            Ok((things, revision)) => {
                debug!(what, count = things.len(), "listed");
                hear(Told::All(things));
                wait = RETRY[0];
                revision
            }
            Err(error) => {
                warn!(what, error, "Kubernetes cannot be listed; asking again");
                hear(Told::Lost);
                pause(&mut wait).await;
                continue;
            }
        };
        loop {
            let ended = watch(&api, &mut revision, read, &mut hear).await;
            // Until it is open again. A connection that broke looks the same as one that was
            // closed in good order.
            hear(Told::Lost);
            match ended {
                Ended::Closed => wait = RETRY[0],
                Ended::Expired => break,
                Ended::Failed(error) => {
                    warn!(what, error, "the watch of Kubernetes broke off");
                    pause(&mut wait).await;
                }
            }
        }
    }
}

async fn pause(wait: &mut Duration) {
    sleep(*wait).await;
    *wait = (*wait * 2).min(RETRY[1]);
}

/// All things, and the revision to watch from.
async fn list<T, K, V>(
    api: &Api<T>,
    read: fn(T) -> Option<(K, V)>,
) -> Result<(HashMap<K, V>, String), String>
where
    T: Resource + Clone + DeserializeOwned + Debug,
    K: Eq + Hash,
{
    let mut things = HashMap::new();
    let mut parameters = ListParams::default().limit(PAGE);
    loop {
        let page = match timeout(DEADLINE, api.list(&parameters)).await {
            Ok(Ok(page)) => page,
            Ok(Err(error)) => return Err(chain(&error)),
            Err(_) => return Err(format!("no answer within {} s", DEADLINE.as_secs())),
        };
        things.extend(page.items.into_iter().filter_map(read));
        match page.metadata.continue_.filter(|token| !token.is_empty()) {
            Some(token) => parameters = parameters.continue_token(&token),
            None => return Ok((things, page.metadata.resource_version.unwrap_or_default())),
        }
    }
}

/// Tells of what happens after `revision`, which moves on with it.
async fn watch<T, K, V>(
    api: &Api<T>,
    revision: &mut String,
    read: fn(T) -> Option<(K, V)>,
    hear: &mut impl FnMut(Told<K, V>),
) -> Ended
where
    T: Resource + Clone + DeserializeOwned + Debug,
    K: Eq + Hash,
{
    let parameters = WatchParams::default().timeout(WATCH_SECONDS);
    let events = match timeout(DEADLINE, api.watch(&parameters, revision)).await {
        Ok(Ok(events)) => events,
        Ok(Err(error)) => return why(&error),
        Err(_) => return Ended::Failed(format!("no answer within {} s", DEADLINE.as_secs())),
    };
    // The server took the revision, so nothing is missed that will not be told.
    hear(Told::Current);
    let mut events = pin!(events);
    loop {
        let event = match timeout(WATCH_DEADLINE, events.next()).await {
            Ok(Some(Ok(event))) => event,
            Ok(Some(Err(error))) => return why(&error),
            Ok(None) => return Ended::Closed,
            Err(_) => return Ended::Failed("the watch has fallen silent".to_owned()),
        };
        let (object, gone) = match event {
            WatchEvent::Added(object) | WatchEvent::Modified(object) => (object, false),
            WatchEvent::Deleted(object) => (object, true),
            WatchEvent::Bookmark(bookmark) => {
                *revision = bookmark.metadata.resource_version;
                continue;
            }
            WatchEvent::Error(status) => return why(&Error::Api(status)),
        };
        if let Some(next) = object.resource_version() {
            *revision = next;
        }
        match read(object) {
            Some((key, _)) if gone => hear(Told::Gone(key)),
            Some((key, value)) => hear(Told::Put(key, value)),
            None => {}
        }
    }
}

fn why(error: &Error) -> Ended {
    match error {
        // 410: the server no longer has what came after the revision.
        Error::Api(status) if status.code == 410 => Ended::Expired,
        other => Ended::Failed(chain(other)),
    }
}

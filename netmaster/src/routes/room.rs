//! Memory for the bodies of requests: so much for all of them together, however many there are, and
//! a part of it for each identity; and the time that each may take to come.

mod answers;
mod shares;

use std::time::Duration;

use axum::body::{Bytes, HttpBody as _};
use axum::extract::Request;
use tokio::time::timeout;
use trunkline_netmaster_api::ErrorCode;

use crate::connections::Deadlines;
use crate::failure::Failure;
use crate::identity::Asking;
use shares::{Memory, owner};

pub(super) use answers::{AnswerRoom, keep_answer};

/// The largest body of somebody whom nothing is known of, in bytes: a node that joins sends a
/// certificate signing request, which has one or two thousand.
const STRANGERS_LIMIT: usize = 16 << 10;

/// What all bodies take together at most, in bytes; those of one identity an eighth of it.
const ROOM: usize = 256 << 20;

/// The same of those whom nothing is known of, who have a room of their own to fill.
const STRANGERS_ROOM: usize = 16 << 20;

/// How long room is waited for.
const WAIT: Duration = Duration::from_secs(2);

/// Room for bodies. Clones are one and the same.
#[derive(Clone, Debug)]
pub(super) struct BodyRoom {
    deadline: Duration,
    known: Memory,
    strangers: Memory,
}

/// How much a request's body may take, and where from.
#[derive(Debug)]
pub(super) struct Share {
    /// The largest body, in bytes.
    pub(super) limit: usize,
    /// How long it may take to come.
    pub(super) deadline: Duration,
    /// Held until the body is gone; none outside of a server.
    _room: Option<shares::Bytes>,
}

/// A body that keeps its room.
struct Kept {
    bytes: Bytes,
    _share: Share,
}

impl AsRef<[u8]> for Kept {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

impl BodyRoom {
    /// Room for bodies that may take `deadline` each to come.
    pub(super) fn with(deadline: Duration) -> Self {
        Self {
            deadline,
            known: Memory::of(ROOM),
            strangers: Memory::of(STRANGERS_ROOM),
        }
    }
}

impl Share {
    /// Room for the body of `request`: for as much as it says, or else for the most it may have,
    /// which is `limit` if something is known of who asks.
    ///
    /// # Errors
    ///
    /// [`ErrorCode::NotReady`] if others have all of it, or who asks has all of theirs, and it is
    /// kept.
    pub(super) fn of(
        request: &Request,
        limit: usize,
    ) -> impl Future<Output = Result<Self, Failure>> + use<> {
        let extensions = request.extensions();
        let asking = extensions.get::<Asking>();
        let identity = asking.and_then(|asking| asking.identity.as_ref());
        let is_known = identity.is_some();
        let whose = identity.and_then(owner);
        let limit = if is_known {
            limit
        } else {
            limit.min(STRANGERS_LIMIT)
        };
        let room = extensions.get::<BodyRoom>();
        let deadline = room.map_or(Deadlines::default().body, |room| room.deadline);
        let room = room.map(|room| match is_known {
            true => room.known.clone(),
            false => room.strangers.clone(),
        });
        let said = request.body().size_hint().upper();
        let said = said.and_then(|said| usize::try_from(said).ok());
        // What says that it is larger than it may be will be refused.
        let bytes = said.unwrap_or(limit).min(limit);
        // A request cannot be shared between threads, so nothing of it is kept while it waits.
        async move {
            let Some(room) = room else {
                return Ok(Self {
                    limit,
                    deadline,
                    _room: None,
                });
            };
            match timeout(WAIT, room.take(whose, bytes)).await {
                Ok(taken) => Ok(Self {
                    limit,
                    deadline,
                    _room: taken,
                }),
                Err(_) => Err(Failure::new(
                    ErrorCode::NotReady,
                    "too many bodies come at once, so this one was not read: repeat the request",
                )),
            }
        }
    }

    /// `bytes`, which keep the room until they are gone.
    pub(super) fn keep(self, bytes: Bytes) -> Bytes {
        Bytes::from_owner(Kept {
            bytes,
            _share: self,
        })
    }
}

#[cfg(test)]
mod tests {
    use axum::body::Body;

    use super::super::BODY_LIMIT;
    use super::*;
    use crate::identity::Identity;

    fn request(room: &BodyRoom, identity: Option<Identity>, body: Body) -> Request {
        let mut request = Request::new(body);
        let asking = Asking {
            identity,
            address: None,
        };
        request.extensions_mut().insert(asking);
        request.extensions_mut().insert(room.clone());
        request
    }

    fn unknown_size() -> Body {
        let nothing = futures_util::stream::empty::<Result<Bytes, std::io::Error>>();
        Body::from_stream(nothing)
    }

    #[tokio::test(start_paused = true)]
    async fn all_bodies_together_have_so_much_room_and_give_it_back() {
        let room = BodyRoom::with(Deadlines::default().body);
        let local = || Some(Identity::local());
        let mut bodies = Vec::new();
        // Of which nothing says how large they are.
        for _ in 0..ROOM / BODY_LIMIT {
            let share = Share::of(&request(&room, local(), unknown_size()), BODY_LIMIT).await;
            bodies.push(share.unwrap().keep(Bytes::from_static(b"{}")));
        }
        let one_more = request(&room, local(), Body::from("{}"));
        let refused = Share::of(&one_more, BODY_LIMIT).await.unwrap_err();
        assert_eq!(refused.problem().code, ErrorCode::NotReady);
        assert!(refused.problem().code.is_retryable());
        drop(bodies);
        assert_eq!(
            Share::of(&one_more, BODY_LIMIT).await.unwrap().limit,
            BODY_LIMIT
        );
        assert_eq!(room.known.left(), ROOM);
    }

    #[tokio::test(start_paused = true)]
    async fn one_identity_fills_its_part_of_the_room_and_nobody_elses() {
        let room = BodyRoom::with(Deadlines::default().body);
        let of = |name: &str| {
            let identity = Identity::of_certificate(name).unwrap();
            request(&room, Some(identity), unknown_size())
        };
        let mut bodies = Vec::new();
        for _ in 0..ROOM / 8 / BODY_LIMIT {
            let share = Share::of(&of("node:n1"), BODY_LIMIT).await;
            bodies.push(share.unwrap().keep(Bytes::from_static(b"{}")));
        }
        // Those that wait for its own keep nobody else waiting.
        let waiting: Vec<_> = (0..1000)
            .map(|_| tokio::spawn(Share::of(&of("node:n1"), BODY_LIMIT)))
            .collect();
        tokio::task::yield_now().await;
        assert!(Share::of(&of("node:n2"), BODY_LIMIT).await.is_ok());
        for waiting in waiting {
            let refused = waiting.await.unwrap().unwrap_err();
            assert_eq!(refused.problem().code, ErrorCode::NotReady);
        }
        drop(bodies);
        assert!(Share::of(&of("node:n1"), BODY_LIMIT).await.is_ok());
    }

    #[tokio::test(start_paused = true)]
    async fn those_who_show_nothing_fill_nobody_elses_room() {
        let room = BodyRoom::with(Deadlines::default().body);
        let mut shares = Vec::new();
        for _ in 0..STRANGERS_ROOM / STRANGERS_LIMIT {
            let share = Share::of(&request(&room, None, unknown_size()), BODY_LIMIT)
                .await
                .unwrap();
            assert_eq!(share.limit, STRANGERS_LIMIT);
            shares.push(share);
        }
        assert!(
            Share::of(&request(&room, None, unknown_size()), BODY_LIMIT)
                .await
                .is_err()
        );
        let known = request(&room, Some(Identity::local()), unknown_size());
        assert!(Share::of(&known, BODY_LIMIT).await.is_ok());
    }
}

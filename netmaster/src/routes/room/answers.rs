//! Memory for answers: they are built in one piece, and kept until they have been read.

use axum::body::{Body, Bytes, HttpBody as _, to_bytes};
use axum::extract::{Request, State};
use axum::http::Method;
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use trunkline_netmaster_api::ErrorCode;

use super::super::BODY_LIMIT;
use super::shares::{self, Memory, owner};
use crate::failure::Failure;
use crate::identity::{Asking, Identity};

/// What all answers take together at most that have not been read, in bytes. More than that is there
/// only while it is built.
const ROOM: usize = 512 << 20;

/// Smaller answers are not counted: there are no more of them than connections.
const SMALL: usize = 16 << 10;

/// Room for answers. Clones are one and the same.
#[derive(Clone, Debug)]
pub(in super::super) struct AnswerRoom(Memory);

/// An answer that keeps its room.
struct Kept {
    bytes: Bytes,
    _room: shares::Bytes,
}

impl AsRef<[u8]> for Kept {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

impl Default for AnswerRoom {
    fn default() -> Self {
        Self(Memory::of(ROOM))
    }
}

impl AnswerRoom {
    /// Room for what a request will be answered, if that is to be had before it is looked at: what
    /// changes something is done whether its answer is read or not. The answer tells of what the
    /// body says, so it is not much larger; one to a small body is not counted.
    ///
    /// # Errors
    ///
    /// [`ErrorCode::TooManyRequests`] if who asks leaves too much unread.
    fn claim(
        &self,
        identity: Option<&Identity>,
        request: &Request,
    ) -> Result<Option<shares::Bytes>, Failure> {
        let body = request.body().size_hint().upper();
        let body = body.map_or(BODY_LIMIT, |body| {
            usize::try_from(body).unwrap_or(usize::MAX)
        });
        if is_read(request.method()) || body <= SMALL {
            return Ok(None);
        }
        let room = self
            .0
            .take_now(identity.and_then(owner), body.saturating_mul(2));
        room.map(Some).ok_or_else(|| too_much(identity))
    }

    /// `response`, which keeps what was `claimed` or else takes as much as it is, until it has been
    /// written. What is sent bit by bit, as a watch, is bounded by itself.
    async fn keep(
        &self,
        identity: Option<&Identity>,
        is_read: bool,
        claimed: Option<shares::Bytes>,
        response: Response,
    ) -> Response {
        let size = response.body().size_hint().exact();
        let size = size.map(|size| usize::try_from(size).unwrap_or(usize::MAX));
        let Some(size) = size.filter(|size| *size > SMALL) else {
            return response;
        };
        let room = claimed.or_else(|| self.0.take_now(identity.and_then(owner), size));
        let room = match room {
            Some(room) => room,
            None if is_read => return too_much(identity).into_response(),
            // It is done, and that has to be told.
            None => return response,
        };
        let (parts, body) = response.into_parts();
        // It is there already, so nothing is waited for.
        let Ok(bytes) = to_bytes(body, usize::MAX).await else {
            let why = "an answer broke off while it was built: this is an error in netmaster, \
                       please report it";
            return Failure::new(ErrorCode::Internal, why).into_response();
        };
        let kept = Kept { bytes, _room: room };
        Response::from_parts(parts, Body::from(Bytes::from_owner(kept)))
    }
}

fn is_read(method: &Method) -> bool {
    matches!(*method, Method::GET | Method::HEAD)
}

/// Sees to it that answers which are not read do not fill the memory.
pub(in super::super) async fn keep_answer(
    State(room): State<AnswerRoom>,
    request: Request,
    next: Next,
) -> Response {
    let asking = request.extensions().get::<Asking>();
    let identity = asking.and_then(|asking| asking.identity.clone());
    let is_read = is_read(request.method());
    let claimed = match room.claim(identity.as_ref(), &request) {
        Ok(claimed) => claimed,
        Err(failure) => return failure.into_response(),
    };
    let response = next.run(request).await;
    room.keep(identity.as_ref(), is_read, claimed, response)
        .await
}

fn too_much(identity: Option<&Identity>) -> Failure {
    match identity {
        Some(identity) if owner(identity).is_some() => Failure::new(
            ErrorCode::TooManyRequests,
            format!(
                "`{}` has asked for much that it has not read: read the answers, or ask for less \
                 at a time with `limit`, then repeat the request",
                identity.name()
            ),
        ),
        _ => Failure::new(
            ErrorCode::NotReady,
            "too many answers are waiting to be read: repeat the request",
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::failure::Refused;

    const LARGE: usize = 1 << 20;

    /// How many large ones one identity may leave unread.
    const UNREAD: usize = ROOM / 8 / LARGE;

    fn somebody(name: &str) -> Identity {
        Identity::of_certificate(name).unwrap()
    }

    fn large() -> Response {
        Body::from(vec![b'x'; LARGE]).into_response()
    }

    async fn read(response: Response) -> usize {
        let read = to_bytes(response.into_body(), usize::MAX).await;
        read.unwrap().len()
    }

    fn is_refused(response: &Response) -> bool {
        let refused = Refused::of(response);
        refused.is_some_and(|refused| refused.problem().code == ErrorCode::TooManyRequests)
    }

    #[tokio::test]
    async fn who_leaves_answers_unread_gets_no_more_of_them_and_others_do() {
        let room = AnswerRoom::default();
        let (slow, other) = (somebody("viewer:vera"), somebody("node:n1"));
        let listed = async |who: &Identity| room.keep(Some(who), true, None, large()).await;
        let mut unread = Vec::new();
        for _ in 0..UNREAD {
            let answer = listed(&slow).await;
            assert!(!is_refused(&answer));
            unread.push(answer);
        }
        assert!(is_refused(&listed(&slow).await));
        // Small ones are answered all the same, and others get theirs.
        let small = "{}".into_response();
        assert!(!is_refused(
            &room.keep(Some(&slow), true, None, small).await
        ));
        let others = listed(&other).await;
        assert!(!is_refused(&others));
        // What was read has given back its room, and was whole.
        assert_eq!(read(unread.pop().unwrap()).await, LARGE);
        let next = listed(&slow).await;
        assert!(!is_refused(&next));
        assert!(is_refused(&listed(&slow).await));
        drop((unread, others, next));
        assert_eq!(room.0.left(), ROOM);
    }

    #[tokio::test]
    async fn there_is_room_for_the_answer_before_anything_large_is_done() {
        let room = AnswerRoom::default();
        let slow = somebody("operator:olga");
        let request = |size: usize| {
            let request = axum::http::Request::post("/v1/apply");
            request.body(Body::from(vec![b'x'; size])).unwrap()
        };
        let mut unread = Vec::new();
        for _ in 0..UNREAD / 2 {
            let claimed = room.claim(Some(&slow), &request(LARGE)).unwrap();
            assert!(claimed.is_some());
            unread.push(room.keep(Some(&slow), false, claimed, large()).await);
        }
        let refused = room.claim(Some(&slow), &request(LARGE)).unwrap_err();
        assert_eq!(refused.problem().code, ErrorCode::TooManyRequests);
        // What is small is done, and what is done is told: an agent has many pods.
        assert!(room.claim(Some(&slow), &request(100)).unwrap().is_none());
        let done = room.keep(Some(&slow), false, None, large()).await;
        assert_eq!(read(done).await, LARGE);
        drop(unread);
        assert_eq!(room.0.left(), ROOM);
    }
}

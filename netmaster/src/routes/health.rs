//! `/healthz` and `/readyz`: whether this replica is well.

use std::time::Duration;

use axum::extract::State;
use trunkline_ipam::Change;
use trunkline_netmaster_api::ErrorCode;

use crate::allocator::{Unavailable, WriteError};
use crate::app::App;
use crate::failure::Failure;
use crate::replica::Role;

/// How long the store may take to say that it is there.
const READY_TIME: Duration = Duration::from_secs(5);

/// The process lives; nothing is said about anything else.
pub(super) async fn healthz() -> &'static str {
    "ok\n"
}

/// Requests of all kinds are served: there is a leader, here or known.
pub(super) async fn readyz(State(app): State<App>) -> Result<&'static str, Failure> {
    if *app.stopping.borrow() {
        let detail = "netmaster is shutting down: ask another replica";
        return Err(Failure::new(ErrorCode::ShuttingDown, detail));
    }
    let role = app.allocator.role().borrow().clone();
    match role {
        Role::Leader => store_answers(&app).await.map(|()| "ready: leads\n"),
        Role::Follower { leader: Some(_) } => Ok("ready: follows\n"),
        Role::Follower { leader: None } => {
            let detail = "no replica leads, or nobody knows which: reads are served, writes not";
            Err(Failure::new(ErrorCode::NoLeader, detail))
        }
    }
}

/// Whether the store would take a change: a request that is refused waits for its word as any other
/// does.
async fn store_answers(app: &App) -> Result<(), Failure> {
    let refused = app.allocator.write(|_| Err::<((), Change), _>(()));
    match tokio::time::timeout(READY_TIME, refused).await {
        Ok(Err(WriteError::Unavailable(why))) => Err(why.into()),
        Ok(_) => Ok(()),
        Err(_) => Err(Unavailable::Store.into()),
    }
}

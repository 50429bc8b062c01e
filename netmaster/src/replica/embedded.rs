//! Leading alone, on a store that nobody else can write.

use std::sync::Arc;

use tracing::{error, info, warn};
use trunkline_types::chain;

use super::RETRY;
use super::stage::{Over, Stage, Stop};
use crate::allocator::{End, Inbox, Unavailable, why};
use crate::store::{Store, StoreError};

/// Leads until told to stop. When the store fails, it is asked again and again.
pub(super) async fn run(stage: Stage, mut store: Box<dyn Store>, mut stop: Stop) {
    let mut inbox = Arc::new(Inbox::new());
    loop {
        let over = stage
            .term(store, &inbox, std::future::pending(), &mut stop)
            .await;
        let failure = match over {
            Over::Failed(returned, failure) => {
                store = returned;
                failure
            }
            Over::Stopped | Over::Lost => return,
            Over::Broken => {
                error!("the writer broke off: this is an error in netmaster, please report it");
                stage.shut(Unavailable::Store);
                inbox.end(End::Now);
                return;
            }
        };
        stage.shut(why(&failure));
        error!(
            error = chain(&failure),
            "commit failed; looking at what the store holds"
        );
        loop {
            let (returned, outcome) = recover(&stage, store).await;
            store = returned;
            let Err(error) = outcome else { break };
            warn!(error = chain(&error), "the store still fails");
            stage.shut(why(&error));
            inbox.end(End::Now);
            // Both are cancel-safe.
            tokio::select! {
                () = tokio::time::sleep(RETRY) => {}
                () = stop.told() => return,
            }
            inbox = Arc::new(Inbox::new());
        }
        info!("the store works again");
    }
}

/// Finds out what the store holds, and publishes it if that is something else.
async fn recover(stage: &Stage, store: Box<dyn Store>) -> (Box<dyn Store>, Result<(), StoreError>) {
    let reader = store.reader();
    let (store, position) = stage.resume(store).await;
    let outcome = match position {
        Ok(position) if position.revision() == stage.published.position().revision() => Ok(()),
        // A commit that seemed to fail was made all the same.
        Ok(_) => stage.reload(&reader).await,
        Err(error) => Err(error),
    };
    (store, outcome)
}

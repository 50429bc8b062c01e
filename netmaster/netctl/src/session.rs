//! What every command works with.

use std::future::Future;

use trunkline_netmaster_api::Client;

use crate::failure::Failure;
use crate::progress::{Steps, watched};
use crate::render::Output;

/// A netmaster, and where its answers go.
#[derive(Debug)]
pub(crate) struct Session {
    pub(crate) client: Client,
    pub(crate) output: Output,
    /// netmaster's URL.
    pub(crate) server: String,
}

impl Session {
    /// Waits for an answer, with a sign of life if it takes long.
    pub(crate) async fn wait<T, E>(
        &self,
        call: impl Future<Output = Result<T, E>>,
    ) -> Result<T, Failure>
    where
        Failure: From<E>,
    {
        let what = format!("waiting for netmaster at {}", self.server);
        Ok(watched(&what, call).await?)
    }

    /// Does what takes many requests, with a sign of how far it has come if all of them together
    /// take long. `work` says that in `steps`, and waits for answers without [`Session::wait`].
    pub(crate) async fn go_through<T>(
        &self,
        steps: &Steps,
        work: impl Future<Output = Result<T, Failure>>,
    ) -> Result<T, Failure> {
        watched(steps, work).await
    }
}

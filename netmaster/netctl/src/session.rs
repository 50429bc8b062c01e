//! What every command works with.

use std::future::Future;

use trunkline_netmaster_api::Client;

use crate::failure::Failure;
use crate::progress::watched;
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
        let what = format!("netmaster at {}", self.server);
        Ok(watched(&what, call).await?)
    }
}

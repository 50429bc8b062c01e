//! Fetching a back-up.

use reqwest::Method;

use super::{Client, ClientError};

impl Client {
    /// Fetches a back-up of all there is, piece by piece, until the end or until `take` says no.
    /// The [deadline](Client::with_deadline) is for all of it.
    ///
    /// # Errors
    ///
    /// [`ClientError`], as for every call. What was taken before is not to be used then.
    pub async fn backup(
        &self,
        take: &mut (dyn FnMut(&[u8]) -> bool + Send),
    ) -> Result<(), ClientError> {
        let request = self.request(Method::GET, &["v1", "backup"]);
        let mut response = self.send(request).await?;
        loop {
            let chunk = response.chunk().await;
            match chunk.map_err(|source| self.transport(source))? {
                Some(chunk) if take(&chunk) => {}
                _ => return Ok(()),
            }
        }
    }
}

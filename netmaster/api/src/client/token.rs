//! Tokens, and what nodes get for them.

use reqwest::Method;
use trunkline_types::Name;

use super::credentials::check_private;
use super::{Client, ClientError};
use crate::{CertificateSpec, JoinSpec, NodeCertificate, Token, TokenCreated, TokenSpec};

impl Client {
    /// Makes a token. Its secret is in this answer only: if the answer is lost, so is the token.
    ///
    /// # Errors
    ///
    /// [`ClientError`], as for every call.
    pub async fn create_token(&self, spec: &TokenSpec) -> Result<TokenCreated, ClientError> {
        self.read(self.call(Method::POST, &["v1", "tokens"]).json(spec))
            .await
    }

    /// Deletes a token: from then on it is good for nothing.
    ///
    /// # Errors
    ///
    /// [`ClientError`], as for every call.
    pub async fn delete_token(&self, name: &Name) -> Result<(), ClientError> {
        self.send(self.object::<Token>(Method::DELETE, name))
            .await
            .map(drop)
    }

    /// Gets a node its first certificate. It may be repeated with the same key. The token is sent
    /// over TLS only, or to the same machine.
    ///
    /// # Errors
    ///
    /// [`ClientError`], as for every call.
    pub async fn join(&self, spec: &JoinSpec) -> Result<NodeCertificate, ClientError> {
        check_private(&self.base)?;
        self.read(self.call(Method::POST, &["v1", "join"]).json(spec))
            .await
    }

    /// Gets a node that shows its certificate another one.
    ///
    /// # Errors
    ///
    /// [`ClientError`], as for every call.
    pub async fn renew_certificate(
        &self,
        node: &Name,
        spec: &CertificateSpec,
    ) -> Result<NodeCertificate, ClientError> {
        let path = ["v1", "nodes", node.as_str(), "certificate"];
        self.read(self.call(Method::POST, &path).json(spec)).await
    }
}

//! The node's certificate: got for a token when there is none, and renewed before it ends.
//!
//! ```text
//!             no certificate that is good, but a token
//! key ── kept or made ──► join ──► certificate ──► 2/3 of its life ──► renew ─┐
//!                                      ▲                                      │
//!                                      └──────────── the same key ────────────┘
//! ```
//!
//! Of a node that is given its certificate by somebody else, the log tells when that ends.
//!
//! The key is stored before anything is asked for, and stays: a token may be bound to the first key
//! that was shown with it, and a certificate alone can be replaced in one step, which a pair cannot.

mod files;
mod given;
mod validity;

use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::Context;
use trunkline_netmaster_api::{
    CertificateSpec, Client, Credentials, JoinSpec, NodeCertificate, Secret,
};
use trunkline_types::Name;

use crate::config::Config;
use files::{Key, read_token, validity_of, write_certificate};
use validity::Validity;

pub use given::keep_watched;

/// How long one request may take.
const DEADLINE: Duration = Duration::from_secs(10);
/// How soon to try again after a failure.
const RETRY: Duration = Duration::from_secs(5);
/// How soon to try again once there is no good certificate left: only somebody with another token
/// can help then.
const LOST_RETRY: Duration = Duration::from_secs(60);

/// Keeps the node's certificate.
pub struct Membership {
    url: String,
    node: Name,
    ca: Option<PathBuf>,
    certificate: PathBuf,
    key: PathBuf,
    token: PathBuf,
}

impl Membership {
    /// Of a node that is configured to join by itself; none if it is not.
    pub fn of(config: &Config) -> Option<Self> {
        Some(Self {
            url: config.netmaster.clone(),
            node: config.node.clone(),
            ca: config.netmaster_ca.clone(),
            certificate: config.netmaster_cert.clone()?,
            key: config.netmaster_key.clone()?,
            token: config.netmaster_bootstrap_token_file.clone()?,
        })
    }

    /// Returns when there is a certificate that is good, which it gets for the token if there is
    /// none.
    pub async fn obtain(&self) {
        loop {
            match self.obtain_once().await {
                Ok(()) => return,
                Err(error) => {
                    tracing::warn!(
                        node = %self.node,
                        error = format!("{error:#}"),
                        "has no certificate yet"
                    );
                }
            }
            tokio::time::sleep(RETRY).await;
        }
    }

    async fn obtain_once(&self) -> anyhow::Result<()> {
        let key = Key::read_or_make(&self.key)?;
        if let Some(validity) = self.good(&key) {
            tracing::info!(node = %self.node, until = validity.to, "has a certificate");
            return Ok(());
        }
        let token = read_token(&self.token)?;
        let client = self.client(None)?;
        let spec = JoinSpec {
            node: self.node.clone(),
            token: Secret::new(token),
            request: key.request()?,
        };
        let joined = client.join(&spec).await.context("can't join")?;
        self.keep(&joined)?;
        tracing::info!(node = %self.node, until = joined.not_after, "joined");
        Ok(())
    }

    /// Renews the certificate when two thirds of its life are over, for ever.
    pub async fn keep_renewed(&self) {
        loop {
            if let Err(error) = self.renew_if_due().await {
                tracing::warn!(
                    node = %self.node,
                    until = self.good_now().map(|validity| validity.to),
                    error = format!("{error:#}"),
                    "can't renew the certificate"
                );
            }
            let pause = self
                .good_now()
                .map_or(LOST_RETRY, |validity| validity.pause(seconds_now()));
            tokio::time::sleep(pause).await;
        }
    }

    async fn renew_if_due(&self) -> anyhow::Result<()> {
        let key = Key::read_or_make(&self.key)?;
        let Some(validity) = self.good(&key) else {
            // Nobody can be told who asks any more, but the token may still be good.
            return self.obtain_once().await;
        };
        if seconds_now() < validity.renewal() {
            return Ok(());
        }
        let client = self.client(Some((self.certificate.clone(), self.key.clone())))?;
        let spec = CertificateSpec {
            request: key.request()?,
        };
        let renewed = client.renew_certificate(&self.node, &spec).await?;
        self.keep(&renewed)?;
        tracing::info!(node = %self.node, until = renewed.not_after, "certificate renewed");
        Ok(())
    }

    fn good_now(&self) -> Option<Validity> {
        self.good(&Key::read_or_make(&self.key).ok()?)
    }

    /// The validity of the certificate that is there, if it is this node's and good now.
    fn good(&self, key: &Key) -> Option<Validity> {
        let validity = validity_of(&self.certificate, &self.node, key)?;
        validity.contains(seconds_now()).then_some(validity)
    }

    fn client(&self, certificate: Option<(PathBuf, PathBuf)>) -> anyhow::Result<Client> {
        let credentials = Credentials {
            ca: self.ca.clone(),
            certificate,
            token: None,
        };
        let client = Client::with(&self.url, credentials)
            .context("`netmaster` and its files in the configuration are not valid")?;
        Ok(client.with_deadline(DEADLINE))
    }

    fn keep(&self, certificate: &NodeCertificate) -> anyhow::Result<()> {
        write_certificate(&self.certificate, &certificate.certificate)
            .with_context(|| not_stored(&self.certificate))
    }
}

fn not_stored(path: &Path) -> String {
    format!("can't store `{}`", path.display())
}

/// Seconds since 1970; a clock before that is as good as 1970.
fn seconds_now() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(0, |since| since.as_secs())
}

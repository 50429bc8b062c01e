//! Calls to etcd: each with a deadline, and repeated at another member when one does not answer.
//!
//! One member is asked at a time, and the same one as long as it answers. A client that spreads
//! its calls would lose a part of them for as long as one member is stopped or cut off.

use std::error::Error as _;
use std::io;
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use etcd_client::{
    Certificate, Client, ConnectOptions, Error, GetOptions, GetResponse, Identity, TlsOptions, Txn,
    TxnResponse,
};
use tokio::runtime::Handle;
use tokio::time::{Instant, sleep, timeout};
use tracing::debug;
use trunkline_types::chain;
use zeroize::Zeroizing;

use super::EtcdConfig;
use super::outcome::{Meaning, meaning};
use crate::store::StoreError;

/// How long connecting to one member may take.
const CONNECT: Duration = Duration::from_secs(1);
/// After how much silence a member is asked whether it is there, and how long it has to answer.
/// etcd cuts off who asks more often than every 5 s.
const KEEP_ALIVE: (Duration, Duration) = (Duration::from_secs(6), Duration::from_secs(3));
/// How long one attempt may take when netmaster starts.
const START_ATTEMPT: Duration = Duration::from_secs(2);
/// How long to wait before all members are asked once more.
pub(super) const PAUSE: Duration = Duration::from_millis(100);
/// The largest answer that is read, in bytes: a page of ten thousand objects, or what a watch
/// brings after having been away for long. etcd sets no limit.
pub(super) const ANSWER: usize = 512 << 20;

/// How long a call may take: one attempt, and all of them.
#[derive(Clone, Copy, Debug)]
pub(super) struct Patience {
    pub(super) attempt: Duration,
    pub(super) total: Duration,
}

impl Patience {
    /// For what a request waits for. A member that lost its leader needs a second or two.
    pub(super) const REQUEST: Self = Self::of(1_500, 4_000);
    /// For a page of many keys.
    pub(super) const PAGE: Self = Self::of(10_000, 30_000);

    const fn of(attempt: u64, total: u64) -> Self {
        Self {
            attempt: Duration::from_millis(attempt),
            total: Duration::from_millis(total),
        }
    }
}

/// A call that was answered.
#[derive(Debug)]
pub(super) struct Answered<T> {
    pub(super) answer: T,
    /// To move on with from the member that answered.
    pub(super) term: u64,
    /// Whether an attempt before may have been carried out.
    pub(super) repeated: bool,
}

/// A call that came to nothing.
#[derive(Debug)]
pub(super) struct Failed {
    pub(super) meaning: Meaning,
    /// Whether an attempt before the last one may have been carried out.
    pub(super) earlier_unknown: bool,
    error: StoreError,
}

impl Failed {
    /// It is of no use to wait for an answer any more.
    pub(super) fn deposed() -> Self {
        Self {
            meaning: Meaning::Unknown,
            earlier_unknown: true,
            error: StoreError::Deposed,
        }
    }
}

impl From<Failed> for StoreError {
    fn from(failed: Failed) -> Self {
        failed.error
    }
}

pub(super) struct Connection {
    config: EtcdConfig,
    /// For callers that block.
    pub(super) runtime: Handle,
    current: Mutex<Current>,
}

/// The member that is asked.
#[derive(Default)]
struct Current {
    endpoint: usize,
    /// Counts the changes of member, so that of two callers that fail at once only one moves on.
    term: u64,
    client: Option<Client>,
}

impl std::fmt::Debug for Connection {
    // A client holds the password.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Connection")
            .field("config", &self.config)
            .finish_non_exhaustive()
    }
}

impl Connection {
    /// Connects when the first call is made. Called within the runtime.
    pub(super) fn new(config: EtcdConfig) -> Self {
        Self {
            config,
            runtime: Handle::current(),
            current: Mutex::default(),
        }
    }

    /// For calls that are made when netmaster starts.
    pub(super) fn start(&self) -> Patience {
        Patience {
            attempt: START_ATTEMPT,
            total: self.config.start,
        }
    }

    pub(super) async fn get(
        &self,
        patience: Patience,
        key: Vec<u8>,
        options: Option<GetOptions>,
    ) -> Result<GetResponse, Failed> {
        let get = |client: Client| {
            let (key, options) = (key.clone(), options.clone());
            let mut kv = client.kv_client().max_decoding_message_size(ANSWER);
            async move { kv.get(key, options).await }
        };
        self.call(patience, get).await
    }

    /// A transaction, which may be sent more than once.
    pub(super) async fn txn(&self, patience: Patience, txn: Txn) -> Result<TxnResponse, Failed> {
        Ok(self.ask_txn(patience, txn).await?.answer)
    }

    /// The same, with what is known of the attempts.
    pub(super) async fn ask_txn(
        &self,
        patience: Patience,
        txn: Txn,
    ) -> Result<Answered<TxnResponse>, Failed> {
        let send = |client: Client| {
            let txn = txn.clone();
            async move { client.kv_client().txn(txn).await }
        };
        self.ask(patience, send).await
    }

    /// Makes `call` at one member after the other, until one answers or time is up.
    pub(super) async fn call<T, F>(
        &self,
        patience: Patience,
        call: impl Fn(Client) -> F,
    ) -> Result<T, Failed>
    where
        F: Future<Output = Result<T, Error>>,
    {
        Ok(self.ask(patience, call).await?.answer)
    }

    /// The same, with what is known of the attempts.
    pub(super) async fn ask<T, F>(
        &self,
        patience: Patience,
        call: impl Fn(Client) -> F,
    ) -> Result<Answered<T>, Failed>
    where
        F: Future<Output = Result<T, Error>>,
    {
        let deadline = Instant::now() + patience.total;
        let mut attempts = 0;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            let (term, outcome) = self.attempt(patience.attempt.min(left), &call).await;
            let error = match outcome {
                Ok(answer) => {
                    return Ok(Answered {
                        answer,
                        term,
                        repeated: attempts > 0,
                    });
                }
                Err(error) => error,
            };
            let meaning = error.meaning();
            if meaning != Meaning::Unknown || Instant::now() + PAUSE >= deadline {
                return Err(Failed {
                    meaning,
                    earlier_unknown: attempts > 0,
                    error: self.store_error(meaning, error),
                });
            }
            debug!(
                error = chain(&error),
                "etcd member does not answer; trying the next one"
            );
            self.move_on(term);
            attempts += 1;
            if attempts % self.config.endpoints.len() == 0 {
                sleep(PAUSE).await;
            }
        }
    }

    async fn attempt<T, F>(
        &self,
        limit: Duration,
        call: impl Fn(Client) -> F,
    ) -> (u64, Result<T, AttemptError>)
    where
        F: Future<Output = Result<T, Error>>,
    {
        let term = self.current().term;
        let outcome = timeout(limit, async { call(self.client().await?).await });
        let outcome = match outcome.await {
            Ok(outcome) => outcome.map_err(AttemptError::from),
            Err(_) => Err(AttemptError::Silent { limit }),
        };
        (term, outcome)
    }

    /// The client for the current member.
    async fn client(&self) -> Result<Client, Error> {
        let (term, endpoint) = {
            let current = self.current();
            if let Some(client) = &current.client {
                return Ok(client.clone());
            }
            (current.term, current.endpoint)
        };
        let endpoint = &self.config.endpoints[endpoint];
        // With a user, this asks for a token; else nothing is sent yet.
        let client = Client::connect([endpoint], Some(self.options()?)).await?;
        let mut current = self.current();
        if current.term == term {
            current.client = Some(client.clone());
        }
        Ok(client)
    }

    /// Asks another member from now on, unless somebody has moved on from `term` already.
    pub(super) fn move_on(&self, term: u64) {
        let mut current = self.current();
        if current.term == term {
            current.term += 1;
            current.endpoint = (current.endpoint + 1) % self.config.endpoints.len();
            current.client = None;
        }
    }

    fn current(&self) -> MutexGuard<'_, Current> {
        // Nothing panics while it is held half-way through a change.
        self.current.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Files are read again for every connection, so that they can be replaced.
    fn options(&self) -> Result<ConnectOptions, Error> {
        let mut options = ConnectOptions::new()
            .with_connect_timeout(CONNECT)
            .with_keep_alive(KEEP_ALIVE.0, KEEP_ALIVE.1)
            // etcd cuts off who does so while there is no call.
            .with_keep_alive_while_idle(false)
            // Else a member that is cut off from the others serves watches that bring nothing.
            .with_require_leader(true)
            .with_auto_token_refresh(true);
        if let Some((user, password)) = &self.config.user {
            let password = Zeroizing::new(read(password)?);
            let password = str::from_utf8(&password).map_err(Error::Utf8Error)?;
            options = options.with_user(user, password.trim_end_matches(['\r', '\n']));
        }
        if let Some(ca) = &self.config.ca {
            let mut tls = TlsOptions::new().ca_certificate(Certificate::from_pem(read(ca)?));
            if let Some((certificate, key)) = &self.config.identity {
                tls = tls.identity(Identity::from_pem(
                    read(certificate)?,
                    Zeroizing::new(read(key)?),
                ));
            }
            options = options.with_tls(tls);
        }
        Ok(options)
    }

    fn store_error(&self, meaning: Meaning, error: AttemptError) -> StoreError {
        let source = Box::new(error);
        match meaning {
            Meaning::Full => StoreError::Full { source },
            Meaning::TooLarge => StoreError::Narrow { source },
            Meaning::Unknown => StoreError::Unreachable {
                endpoints: self.config.endpoints.join("`, `"),
                source,
            },
            Meaning::Compacted | Meaning::NotFound | Meaning::Refused => {
                StoreError::EtcdRefused { source }
            }
        }
    }
}

/// The content of a file, or an error that names it.
fn read(path: &Path) -> Result<Vec<u8>, Error> {
    std::fs::read(path).map_err(|error| {
        let text = format!("`{}` cannot be read: {error}", path.display());
        Error::IoError(io::Error::new(error.kind(), text))
    })
}

/// Why one attempt came to nothing.
#[derive(Debug, thiserror::Error)]
enum AttemptError {
    #[error("{}", told(.0))]
    Etcd(Error),
    #[error("no answer within {} ms", limit.as_millis())]
    Silent { limit: Duration },
}

impl From<Error> for AttemptError {
    fn from(error: Error) -> Self {
        Self::Etcd(error)
    }
}

/// What an error of etcd or of the way there says. The texts of its crate have the causes in the
/// form for debugging.
fn told(error: &Error) -> String {
    let (text, cause) = match error {
        Error::GRpcStatus(status) => (status.message().to_owned(), status.source()),
        Error::TransportError(error) => (error.to_string(), error.source()),
        other => return other.to_string(),
    };
    // The ones in between say the same in less precise words.
    let mut root = cause;
    while let Some(cause) = root.and_then(|cause| cause.source()) {
        root = Some(cause);
    }
    match root.map(ToString::to_string) {
        Some(root) if !text.contains(&root) => format!("{text}: {root}"),
        _ => text,
    }
}

impl AttemptError {
    fn meaning(&self) -> Meaning {
        match self {
            Self::Etcd(error) => meaning(error),
            Self::Silent { .. } => Meaning::Unknown,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_member_that_is_not_there_is_told_of_in_words() {
        let connection = Connection::new(EtcdConfig {
            endpoints: vec!["127.0.0.1:9".to_owned()],
            prefix: "/trunkline".to_owned(),
            ca: None,
            identity: None,
            user: None,
            lease: Duration::from_secs(3),
            start: EtcdConfig::START,
        });
        let once = Patience::of(1_000, 1_000);
        let failed = connection.get(once, b"key".to_vec(), None).await;
        let error = StoreError::from(failed.unwrap_err());
        let told = chain(&error);
        assert!(told.contains("Connection refused"), "{told}");
        for noise in ["Error(", "Os {", "status:", "code:"] {
            assert!(!told.contains(noise), "{told}");
        }
    }
}

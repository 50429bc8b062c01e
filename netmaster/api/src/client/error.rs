//! Why a call failed.

use super::CredentialsError;
use crate::{ErrorCode, Problem};

/// Why a call failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ClientError {
    /// The base URL is none.
    #[error(
        "netmaster URL `{url}` is not valid: write it as `https://<host>:<port>`, or on the \
         same machine as `http://127.0.0.1:9630`"
    )]
    BaseUrl {
        /// What was given.
        url: String,
    },
    /// With TLS somebody has to be trusted.
    #[error(
        "nothing says whom to trust at `{url}`: name the certificate of netmaster's authority (CA)"
    )]
    NobodyTrusted {
        /// What was given.
        url: String,
    },
    /// Everybody in between could read the token.
    #[error("a token is not sent to `{url}` without TLS: use an `https` URL")]
    TokenInClear {
        /// What was given.
        url: String,
    },
    /// What says who asks cannot be used.
    #[error(transparent)]
    Credentials(#[from] CredentialsError),
    /// The HTTP client does not work here.
    #[error("the HTTP client cannot be set up")]
    SetUp {
        /// Why.
        source: reqwest::Error,
    },
    /// No connection was made, so nothing happened.
    #[error("netmaster at `{url}` cannot be reached")]
    Unreachable {
        /// The base URL.
        url: String,
        /// Why.
        source: reqwest::Error,
    },
    /// The answer did not come, or not in time. What was asked for may have happened or not.
    #[error("netmaster at `{url}` did not answer")]
    Unanswered {
        /// The base URL.
        url: String,
        /// Why.
        source: reqwest::Error,
    },
    /// netmaster refused, and said why.
    #[error("{}", .0.detail)]
    Refused(Box<Problem>),
    /// Something answered that is not netmaster.
    #[error(
        "what answers at `{url}` is not netmaster (HTTP status {status}, no problem document): \
         check the address, and what stands in between"
    )]
    NotNetmaster {
        /// The base URL.
        url: String,
        /// The answer's status.
        status: u16,
    },
    /// A watch ended, as it does when netmaster ends. It can be resumed.
    #[error("netmaster at `{url}` ended the watch")]
    Ended {
        /// The base URL.
        url: String,
    },
    /// The answer is not what the API says.
    #[error("the answer of netmaster at `{url}` cannot be read")]
    Unreadable {
        /// The base URL.
        url: String,
        /// Why.
        source: serde_json::Error,
    },
}

impl ClientError {
    /// netmaster's refusal, if it was one.
    #[must_use]
    pub fn problem(&self) -> Option<&Problem> {
        match self {
            Self::Refused(problem) => Some(problem),
            _ => None,
        }
    }

    /// The code of netmaster's refusal, if it was one.
    #[must_use]
    pub fn code(&self) -> Option<ErrorCode> {
        self.problem().map(|problem| problem.code)
    }

    /// Whether something that the request names is not there.
    #[must_use]
    pub fn is_not_found(&self) -> bool {
        self.problem().is_some_and(|problem| problem.status == 404)
    }

    /// Whether the request contradicts what is there. No address left is no contradiction, see
    /// [`ClientError::is_full`].
    #[must_use]
    pub fn is_conflict(&self) -> bool {
        !self.is_full() && self.problem().is_some_and(|problem| problem.status == 409)
    }

    /// Whether there is no address left.
    #[must_use]
    pub fn is_full(&self) -> bool {
        self.code() == Some(ErrorCode::SubnetFull)
    }

    /// Whether netmaster does not know who asks, or does not let them: others may be let.
    #[must_use]
    pub fn is_denied(&self) -> bool {
        let problem = self.problem();
        problem.is_some_and(|problem| matches!(problem.status, 401 | 403))
    }

    /// The revision that the object is at, if it was changed since the one that was named.
    #[must_use]
    pub fn current_revision(&self) -> Option<u64> {
        let problem = self.problem()?;
        (problem.code == ErrorCode::StaleRevision).then_some(problem.current)?
    }

    /// Whether what happened since the revision that a watch named is no longer known.
    #[must_use]
    pub fn is_compacted(&self) -> bool {
        self.code() == Some(ErrorCode::RevisionCompacted)
    }

    /// Whether netmaster could not be asked, or did not answer.
    #[must_use]
    pub fn is_unreachable(&self) -> bool {
        matches!(
            self,
            Self::Unreachable { .. } | Self::Unanswered { .. } | Self::Ended { .. }
        )
    }

    /// Whether the same request may succeed later, without anybody doing anything about it.
    #[must_use]
    pub fn is_retryable(&self) -> bool {
        let status = match self {
            Self::Refused(problem) => problem.status,
            Self::NotNetmaster { status, .. } => *status,
            _ => return self.is_unreachable(),
        };
        // 502 and 504 are what a balancer says while netmaster is away.
        matches!(status, 408 | 429 | 502..=504)
    }
}

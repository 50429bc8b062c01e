//! TLS on the API's listeners.
//!
//! ```text
//! files ── read, again every 2 s ──► Keeper ── Loaded ──► every new connection
//!                                       │                 and those there are: whoever is no
//!                                       └────────────────► longer trusted is cut off
//! ```
//!
//! A client need not show a certificate, for it may have a token; one that it shows has to be
//! valid. Files that cannot be used are said so in the log, and what was there before stays.

mod certificate;
mod files;
mod handshake;
mod keeper;

pub use files::{TlsError, TlsFiles};

pub(crate) use certificate::{first_end, is_replicas};
pub(crate) use files::Loaded;
pub(crate) use handshake::{HandshakeError, Secured, secure};
pub(crate) use keeper::Keeper;

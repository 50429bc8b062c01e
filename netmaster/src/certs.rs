//! `netmaster certs`: a small certificate authority, for people who have none.
//!
//! ```text
//! certs/
//!   ca.pem                    whom to trust: the authority, and those before it that still count
//!   ca.key                    what signs; for nobody but who issues (0600)
//!   ca.crl                    what is revoked, if anything is
//!   replica-netmaster-1.pem   a certificate; its common name is `replica:netmaster-1`
//!   replica-netmaster-1.key   its private key (0600)
//! ```
//!
//! netmaster itself needs none of it: it takes any certificate whose common name is an identity,
//! whoever made it.

mod args;
mod authority;
mod files;
mod leaf;
mod rotate;
mod serial;

pub use args::CertsArgs;
pub use authority::AuthorityError;
pub use files::FileError;
pub use leaf::LeafError;
pub use rotate::{CertsError, certs};

#[cfg(test)]
pub(crate) mod fixture;
#[cfg(test)]
mod tests;

//! Back-ups: all that is in the store, as one file; and the way back.
//!
//! ```text
//! {"trunkline_backup":1,"made":1700000000,"by":"0.1.0","cluster":"5d0c…","epoch":0}
//! {"key":"/trunkline/v1/addresses/10.1.0.10","value":{"version":1,…}}
//! …                                           every key but the revision's and the schema's, in order
//! {"entries":4711,"revision":815,"sha256":"…"}   of all bytes before the digest itself
//! ```
//!
//! A back-up is one moment of the store. It is made by the netmaster that runs, from either kind
//! of store, while it works. What is handed out after that moment is not in it: so a restored store
//! begins a new epoch, in which a subnet hands out nothing until its nodes have told what they
//! hold.

mod file;
mod form;
mod read;
mod restore;
mod write;

pub use file::{BackupArgs, BackupError, backup};
pub(crate) use form::{Header, end};
pub use read::ReadError;
pub(crate) use read::objects;
pub use restore::{RestoreArgs, RestoreError, restore};
pub(crate) use write::stream;

#[cfg(test)]
mod tests;

//! Where objects are kept.
//!
//! A [`Store`] keeps values under keys, makes batches of edits atomically and durably, and knows
//! its revision. It does not know what the values mean: [`keys`] and [`codec`] do, and
//! [`load_catalog`] and [`Batch::of`] put the two together.

mod batch;
mod codec;
mod embedded;
mod error;
mod keys;

use trunkline_ipam::{Catalog, Revision};

pub use batch::Batch;
pub use embedded::Embedded;
pub use error::StoreError;

/// A place where values are kept. Called from one thread, which it may block.
pub trait Store: Send {
    /// Calls `visit` with the key and value of every object, in the order of keys, and answers the
    /// revision they are of.
    ///
    /// It also brings a store that failed back to work: after an error of any call, this is the
    /// one to make next.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if the objects cannot be read.
    fn load(&mut self, visit: &mut dyn FnMut(&str, &[u8])) -> Result<Revision, StoreError>;

    /// Makes all edits of `batch` or none, and returns when they are durable.
    ///
    /// # Errors
    ///
    /// [`StoreError::Stale`] if the store is not at the revision that the batch starts from: then
    /// nothing happened. After any other error the outcome is unknown until the next
    /// [`Store::load`].
    fn commit(&mut self, batch: &Batch) -> Result<(), StoreError>;
}

/// Reads all objects of `store`, and checks that they agree with each other.
///
/// # Errors
///
/// [`StoreError`] if they cannot be read, or do not agree.
pub fn load_catalog(store: &mut dyn Store) -> Result<Catalog, StoreError> {
    let mut objects = Vec::new();
    let mut damage = None;
    let revision = store.load(&mut |key, value| match codec::decode(key, value) {
        Ok(object) => objects.push(object),
        Err(error) => damage = damage.take().or(Some(error)),
    })?;
    if let Some(damage) = damage {
        return Err(damage.into());
    }
    Ok(Catalog::load(revision, objects)?)
}

#[cfg(test)]
mod tests;

//! The kernel adapter: network namespaces, links, addresses, routes, and an ARP announcement.
//!
//! A [`Netns`] is an open network namespace; [`Links`] is an rtnetlink socket that lives in one;
//! [`announce`] tells the neighbours on a link who has an address now. The adapter takes no
//! decisions: it does what it is told, or says why the kernel refused.
//!
//! No thread of the caller ever changes its namespace. Whatever has to start inside another one
//! (a socket, say) is made on a thread of its own that enters the namespace and then ends, so
//! there is no way back that could fail.

mod announce;
mod arp;
mod error;
mod links;
mod netns;
#[cfg(test)]
mod testing;

pub use announce::{AnnounceError, announce};
pub use error::{LinkError, Operation};
pub use links::{Link, Links, Veth};
pub use netns::{Netns, NetnsError};

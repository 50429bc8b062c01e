//! The vocabulary every part of Trunkline shares.
//!
//! Each type checks its rules once, where text or numbers enter the program, and carries the
//! proof from there on: a [`VlanId`] is always 1–4094, a [`Cidr`] never has host bits. `Display`
//! prints what `FromStr` reads, and serde goes through the same parser.
//!
//! This crate does no I/O and knows no async runtime.

mod addr;
mod chain;
mod label;
mod mac;
mod mtu;
mod name;
mod pod;
mod qos;
mod selector;
mod text;
mod vlan;
mod whole;

pub use addr::{AddressRange, Cidr, ParseCidrError, ParseRangeError};
pub use chain::chain;
pub use label::{LabelError, LabelKey, LabelValue, Labels};
pub use mac::{MacAddr, ParseMacError};
pub use mtu::{Mtu, MtuError};
pub use name::{InterfaceName, InterfaceNameError, Name, NameError};
pub use pod::{Attachment, AttachmentError, ContainerId, ContainerIdError, Pod};
pub use qos::{Bandwidth, BandwidthError, Burst, BurstError, Dscp, DscpError, Rate};
pub use selector::{Requirement, Selector, SelectorError};
pub use vlan::{VlanId, VlanIdError};
pub use whole::whole;

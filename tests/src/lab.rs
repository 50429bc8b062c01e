//! The lab, seen from inside the virtual machine: racks, switches, nodes and pods made of network
//! namespaces, with a real Open vSwitch in every node.
//!
//! A scenario asks [`Topology`] for what it needs and gets typed parts back. It sees the product
//! only through packets, kernel state and command output. Dropping the [`Lab`] ends its processes
//! and deletes its namespaces.

mod authority;
mod capture;
mod command;
mod diagnose;
mod host;
mod netmaster;
mod netns;
mod node;
mod pod;
mod process;
mod topology;
mod tor;
mod traffic;
mod wait;

pub use authority::Credentials;
pub use capture::Capture;
pub use command::Invocation;
pub use diagnose::write_diagnosis;
pub use node::Node;
pub use pod::{CniAnswer, Pod};
pub use topology::{Lab, Topology, rack};
pub use traffic::{ping, refused_by, tcp_echo};
pub use wait::{joined, wait_until};

/// Where the parts of one lab keep their files, inside the virtual machine.
pub const RUN_DIR: &str = "/run/lab";

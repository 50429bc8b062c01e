//! netctl against a real netmaster: the pages of `docs/` that show what it prints, and what takes
//! time to show.
//!
//! `TRUNKLINE_BLESS=1 cargo test -p trunkline-netctl --test live` writes the pages anew.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod agent;
mod commands;
mod locked;
mod many;
mod netmaster;
mod page;
mod watches;

//! What must hold for any bytes at all: one function per target.
//!
//! A target panics if a parser panics or a property is broken. libFuzzer calls them through the
//! executables in `fuzz_targets/`; `cargo test` replays every file of `corpus/<target>/` through
//! them, so that what was once found stays found.

mod backups;
mod bodies;
mod queries;
mod selectors;
mod stored;
mod vocabulary;

pub use backups::backups;
pub use bodies::bodies;
pub use queries::queries;
pub use selectors::selectors;
pub use stored::stored;
pub use vocabulary::vocabulary;

/// Takes arbitrary bytes and panics if something is wrong.
pub type Target = fn(&[u8]);

/// Every target by its name, which is also that of its corpus and executable.
pub const TARGETS: [(&str, Target); 6] = [
    ("backups", backups),
    ("bodies", bodies),
    ("queries", queries),
    ("selectors", selectors),
    ("stored", stored),
    ("vocabulary", vocabulary),
];

#[cfg(test)]
mod tests;

//! Network namespaces for tests.

use std::io::Write;
use std::thread;

use nix::errno::Errno;
use nix::sched::{CloneFlags, unshare};

use crate::netns::Netns;

/// A fresh network namespace, which ends with the value. `None`, with a loud word, for a developer
/// who is not root; a failure where `CI` is set.
pub(crate) fn netns() -> Option<Netns> {
    // A thread that ends takes its membership with it: the tests' own namespace is not touched.
    let made = thread::spawn(|| {
        unshare(CloneFlags::CLONE_NEWNET)?;
        Ok(Netns::current().expect("the namespace just made can be opened"))
    });
    match made.join().expect("the thread does not panic") {
        Ok(netns) => Some(netns),
        Err(Errno::EPERM) if std::env::var_os("CI").is_none() => {
            // Not `eprintln!`, which the test harness hides when a test passes.
            let name = thread::current().name().unwrap_or("a test").to_owned();
            let word = format!("SKIPPED: {name} makes network namespaces, run it as root\n");
            let _ = std::io::stderr().write_all(word.as_bytes());
            None
        }
        Err(errno) => panic!("cannot make a network namespace: {errno}; run as root"),
    }
}

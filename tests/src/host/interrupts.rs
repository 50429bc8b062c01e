//! Ctrl-C and its kin, taken as events so that everything started is also ended.

use std::time::Duration;

use anyhow::Context;
use nix::sys::signal::{SigSet, Signal};
use nix::sys::signalfd::{SfdFlags, SignalFd};

/// While this lives, SIGINT, SIGTERM and SIGHUP no longer end the process but are reported here.
///
/// Children that are started meanwhile do not hear of them either, so whoever is to clean up after
/// itself has to be started before.
pub(super) struct Interrupts {
    pending: SignalFd,
    taken: SigSet,
}

impl Interrupts {
    /// Takes the signals over. Threads started later inherit this; so do it before starting any.
    pub(super) fn take() -> anyhow::Result<Self> {
        let taken: SigSet = [Signal::SIGINT, Signal::SIGTERM, Signal::SIGHUP]
            .into_iter()
            .collect();
        taken.thread_block().context("cannot block signals")?;
        let pending = SignalFd::with_flags(&taken, SfdFlags::SFD_NONBLOCK | SfdFlags::SFD_CLOEXEC)
            .context("cannot open a signal descriptor")?;
        Ok(Self { pending, taken })
    }

    /// Waits for `pause`, then tells whether a signal has come.
    pub(super) fn came_within(&self, pause: Duration) -> anyhow::Result<bool> {
        std::thread::sleep(pause);
        let signal = self.pending.read_signal().context("cannot read signals")?;
        Ok(signal.is_some())
    }
}

impl Drop for Interrupts {
    fn drop(&mut self) {
        // A signal that nobody read is delivered here, and ends the process as it was meant to.
        let _ = self.taken.thread_unblock();
    }
}

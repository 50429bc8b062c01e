//! KVM where it truly works, emulation elsewhere.

use std::fmt;
use std::fs::OpenOptions;
use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

use anyhow::bail;

use super::child::Child;
use super::{LOOK, qemu};
use crate::host::interrupts::Interrupts;
use crate::host::kernel::Kernel;

/// With KVM the probe's kernel is done in about one second.
const PROBE_DEADLINE: Duration = Duration::from_secs(5);

/// What executes the guest's instructions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Accel {
    /// The processor.
    Kvm,
    /// QEMU's translator.
    Emulation,
}

impl Accel {
    /// The fastest that works here. That /dev/kvm opens proves little (nested virtualisation can hang, or
    /// fault in the guest), so a kernel is booted to the end of its initramfs.
    pub(super) fn best(
        kernel: &Kernel,
        initramfs: &Path,
        interrupts: &Interrupts,
    ) -> anyhow::Result<Self> {
        let opens = OpenOptions::new()
            .read(true)
            .write(true)
            .open("/dev/kvm")
            .is_ok();
        if opens && Self::Kvm.boots(kernel, initramfs, interrupts)? {
            return Ok(Self::Kvm);
        }
        Ok(Self::Emulation)
    }

    fn boots(
        self,
        kernel: &Kernel,
        initramfs: &Path,
        interrupts: &Interrupts,
    ) -> anyhow::Result<bool> {
        let mut command = qemu(kernel, initramfs, self, "lab.probe")?;
        command
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        let mut child = Child::spawn(&mut command)?;
        let begun = Instant::now();
        while begun.elapsed() < PROBE_DEADLINE {
            if let Some(status) = child.ended()? {
                return Ok(status.success());
            }
            if interrupts.came_within(LOOK)? {
                bail!("interrupted");
            }
        }
        Ok(false)
    }

    /// How QEMU is told.
    pub(super) fn qemu_args(self) -> [&'static str; 4] {
        match self {
            Self::Kvm => ["-accel", "kvm", "-cpu", "host"],
            Self::Emulation => ["-accel", "tcg,thread=multi", "-cpu", "max"],
        }
    }
}

impl fmt::Display for Accel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Kvm => "KVM",
            Self::Emulation => "emulated",
        })
    }
}

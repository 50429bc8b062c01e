//! One run of the virtual machine: file shares, QEMU, its terminal, and an end in every case.

mod accel;
mod child;
mod shares;
mod terminal;

use std::fs::{self, File, TryLockError};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, anyhow, bail};

use super::initramfs;
use super::interrupts::Interrupts;
use super::kernel::Kernel;
use super::packages::QEMU;
use super::workspace::Workspace;
use crate::cli::GuestCommand;
use accel::Accel;
use child::Child;
use shares::Share;
pub(super) use terminal::Terminal;
use terminal::{Keyboard, RawMode, Screen};

/// Under emulation on a busy machine a boot takes ten seconds; ten times that is no boot at all.
const BOOT_DEADLINE: Duration = Duration::from_secs(120);

/// How often the machine's state is looked at.
const LOOK: Duration = Duration::from_millis(20);

/// How much of a log a failure shows.
const TAIL_LINES: usize = 25;

/// What is to run inside, and how it is watched.
#[derive(Debug)]
pub(super) struct Guest<'a> {
    /// What the guest carries out.
    pub(super) command: &'a GuestCommand,
    /// Who is at the other end of its output.
    pub(super) terminal: Terminal,
    /// How long it may take, boot included; none is no limit.
    pub(super) deadline: Option<Duration>,
}

/// Files of one run. They stay for a look afterwards, until the next run.
struct Files {
    dir: PathBuf,
    initramfs: PathBuf,
    /// The guest's orders: a JSON [`GuestCommand`].
    command: PathBuf,
    /// Appears when the guest half of the lab is about to start.
    started: PathBuf,
    /// The guest half's exit code, in decimal.
    exit_code: PathBuf,
    /// What the kernel and process 1 print.
    console: PathBuf,
    /// What QEMU and the file servers complain about.
    log: PathBuf,
}

/// Boots the machine, runs the guest to its end and returns its exit code.
pub(super) fn run(workspace: &Workspace, kernel: &Kernel, guest: &Guest<'_>) -> anyhow::Result<u8> {
    let files = Files::at(&workspace.machine_dir());
    let _only_run = files.lock()?;
    files.clear()?;
    initramfs::write(&files.initramfs, workspace, kernel, guest)?;
    let orders = serde_json::to_vec(guest.command).context("cannot write the guest's orders")?;
    fs::write(&files.command, orders).context("cannot write the guest's orders")?;

    // From here on processes run that must be ended, whatever comes. Locals are dropped in reverse: the
    // terminal is itself again first, then QEMU ends, then the file servers.
    let interrupts = Interrupts::take()?;
    let accel = Accel::best(kernel, &files.initramfs, &interrupts)?;
    let log = File::create(&files.log).context("cannot create the machine's log")?;
    let root = Share::serve("rootfs", Path::new("/"), &files.dir, &log)?;
    let lab = Share::serve("lab", &workspace.lab_dir(), &files.dir, &log)?;
    let mut qemu = qemu(kernel, &files.initramfs, accel, "")?;
    qemu.arg("-serial")
        .arg(format!("file:{}", files.console.display()));
    for share in [&root, &lab] {
        qemu.args(share.qemu_args());
    }
    qemu.args(guest.terminal.qemu_args()).stderr(log);
    let _raw_mode = RawMode::enter(guest.terminal)?;
    let mut running = Running {
        qemu: Child::spawn(qemu.stdin(Stdio::piped()).stdout(Stdio::piped()))?,
        begun: Instant::now(),
    };
    let screen = Screen::show(running.qemu.take_stdout()?);
    let keyboard = Keyboard::connect(guest.terminal, running.qemu.take_stdin()?);

    let ended = running.watch(guest, &files, &interrupts, &keyboard, accel);
    if ended.is_err() {
        running.qemu.end();
    }
    let last_line = screen.finish();
    let code = ended.and_then(|status| {
        let code = files.exit_code()?;
        code.with_context(|| format!("the virtual machine ended early (QEMU: {status})"))
    });
    code.map_err(|error| anyhow!("{error:#}\n{}", files.last_state(last_line.as_deref())))
}

/// QEMU with all that a boot takes, and nothing more: no network, no display, no default device.
/// `boot_words` end the kernel's command line.
fn qemu(
    kernel: &Kernel,
    initramfs: &Path,
    accel: Accel,
    boot_words: &str,
) -> anyhow::Result<Command> {
    const MEMORY: &str = "3G";
    // A panic reboots at once (-1), which `-no-reboot` turns into QEMU's end.
    let boot =
        format!("console=ttyS0 panic=-1 quiet mitigations=off nokaslr tsc=reliable {boot_words}");
    let mut command = child::command(&QEMU.find().context("QEMU has gone")?);
    command
        .args([
            "-nodefaults",
            "-no-user-config",
            "-display",
            "none",
            "-no-reboot",
        ])
        .args([
            "-machine",
            "q35,memory-backend=mem",
            "-smp",
            "2",
            "-m",
            MEMORY,
        ])
        // The file servers read and write the guest's memory, so it must be shareable. Not a file in
        // /dev/shm: that is often 64 MB in a container.
        .args([
            "-object",
            &format!("memory-backend-memfd,id=mem,size={MEMORY},share=on"),
        ])
        .args(accel.qemu_args())
        .arg("-kernel")
        .arg(kernel.image())
        .arg("-initrd")
        .arg(initramfs)
        .args(["-append", &boot]);
    Ok(command)
}

struct Running {
    qemu: Child,
    begun: Instant,
}

impl Running {
    /// Waits until QEMU ends by itself; anything else that ends the wait is an error.
    fn watch(
        &mut self,
        guest: &Guest<'_>,
        files: &Files,
        interrupts: &Interrupts,
        keyboard: &Keyboard,
        accel: Accel,
    ) -> anyhow::Result<ExitStatus> {
        let mut started = false;
        loop {
            if let Some(status) = self.qemu.ended()? {
                return Ok(status);
            }
            let elapsed = self.begun.elapsed();
            if !started && files.started.exists() {
                started = true;
                guest.terminal.notice(&format!(
                    "virtual machine up after {:.1} s ({accel})",
                    elapsed.as_secs_f64()
                ));
            }
            if !started && elapsed > BOOT_DEADLINE {
                bail!(
                    "the virtual machine did not boot within {} s",
                    BOOT_DEADLINE.as_secs()
                );
            }
            if let Some(deadline) = guest.deadline
                && elapsed > deadline
            {
                bail!("ended after its deadline of {} s", deadline.as_secs());
            }
            if keyboard.asked_to_end() {
                bail!("ended from the keyboard");
            }
            if interrupts.came_within(LOOK)? {
                bail!("interrupted");
            }
        }
    }
}

impl Files {
    fn at(dir: &Path) -> Self {
        Self {
            dir: dir.to_owned(),
            initramfs: dir.join("initramfs.cpio"),
            command: dir.join("command.json"),
            started: dir.join("started"),
            exit_code: dir.join("exit-code"),
            console: dir.join("console.log"),
            log: dir.join("qemu.log"),
        }
    }

    /// Held for the whole run: two machines would write the same files.
    fn lock(&self) -> anyhow::Result<File> {
        let file = File::create(self.dir.join("lock")).context("cannot create the lab's lock")?;
        match file.try_lock() {
            Ok(()) => Ok(file),
            Err(TryLockError::WouldBlock) => bail!(
                "another lab runs in `{}`; wait for it, or end it",
                self.dir.display()
            ),
            Err(TryLockError::Error(error)) => Err(error).context("cannot lock the lab"),
        }
    }

    fn clear(&self) -> anyhow::Result<()> {
        for file in [&self.started, &self.exit_code, &self.console, &self.log] {
            match fs::remove_file(file) {
                Err(error) if error.kind() != ErrorKind::NotFound => {
                    return Err(error)
                        .with_context(|| format!("cannot remove `{}`", file.display()));
                }
                _ => {}
            }
        }
        Ok(())
    }

    fn exit_code(&self) -> anyhow::Result<Option<u8>> {
        match fs::read_to_string(&self.exit_code) {
            Ok(text) => {
                let code = text.trim().parse();
                Ok(Some(code.with_context(|| {
                    format!("the guest's exit code is `{text}`")
                })?))
            }
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error).context("cannot read the guest's exit code"),
        }
    }

    /// What there is to see of a guest that did not end as it should.
    fn last_state(&self, last_line: Option<&str>) -> String {
        let mut state = String::new();
        for (title, log) in [("console", &self.console), ("QEMU", &self.log)] {
            let text = fs::read(log).unwrap_or_default();
            let text = String::from_utf8_lossy(&text);
            let lines: Vec<_> = text.lines().collect();
            if !lines.is_empty() {
                let tail = &lines[lines.len().saturating_sub(TAIL_LINES)..];
                state += &format!("--- {title} ({})\n{}\n", log.display(), tail.join("\n"));
            }
        }
        state + &format!("--- last line of output\n{}", last_line.unwrap_or("(none)"))
    }
}

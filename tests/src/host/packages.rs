//! The pieces of a Linux distribution that the lab stands on, and where each is found.

use std::path::{Path, PathBuf};

/// One thing that must be present on this machine.
#[derive(Debug)]
pub(super) struct Piece {
    /// What it is called in messages.
    pub(super) name: &'static str,
    /// Where it may be; a bare name is looked for in [`BIN_DIRS`].
    places: &'static [&'static str],
    /// Debian's and Ubuntu's name for the package that has it.
    pub(super) package: &'static str,
}

/// Fixed, because a user's PATH often lacks the `sbin` directories. The guest searches the same.
const BIN_DIRS: [&str; 4] = ["/usr/sbin", "/usr/bin", "/sbin", "/bin"];

/// Debian 12 has it in `qemu-system-common`, its successors in a package of its own.
pub(super) const VIRTIOFSD: Piece = Piece {
    name: "virtiofsd",
    places: &["/usr/libexec/virtiofsd", "/usr/lib/qemu/virtiofsd"],
    package: "virtiofsd",
};

/// The emulator, or hypervisor where there is KVM.
pub(super) const QEMU: Piece = program("qemu-system-x86_64", "qemu-system-x86");

/// The initramfs holds nothing else, so it must be the static one.
pub(super) const BUSYBOX: Piece = program("busybox", "busybox-static");

/// Everything the lab needs, on this machine and (the same files) in the guest.
pub(super) const PIECES: [Piece; 16] = [
    QEMU,
    VIRTIOFSD,
    BUSYBOX,
    program("setpriv", "util-linux"),
    program("depmod", "kmod"),
    program("modprobe", "kmod"),
    program("ovsdb-server", "openvswitch-switch"),
    program("ovsdb-tool", "openvswitch-common"),
    program("ovs-vswitchd", "openvswitch-switch"),
    program("ovs-vsctl", "openvswitch-switch"),
    program("ip", "iproute2"),
    program("ping", "iputils-ping"),
    program("tcpdump", "tcpdump"),
    program("conntrack", "conntrack"),
    program("ipvsadm", "ipvsadm"),
    program("ethtool", "ethtool"),
];

const fn program(name: &'static str, package: &'static str) -> Piece {
    Piece {
        name,
        places: &[],
        package,
    }
}

impl Piece {
    /// Where it is on this machine, if it is.
    pub(super) fn find(&self) -> Option<PathBuf> {
        let in_bin_dirs = BIN_DIRS.iter().map(|dir| Path::new(dir).join(self.name));
        let mut places: Vec<PathBuf> = self.places.iter().map(PathBuf::from).collect();
        if places.is_empty() {
            places.extend(in_bin_dirs);
        }
        places.into_iter().find(|place| self.is_right(place))
    }

    fn is_right(&self, place: &Path) -> bool {
        place.is_file() && (self.name != BUSYBOX.name || is_static(place))
    }
}

/// Whether an ELF executable asks for no dynamic loader.
///
/// Reads the file for the loader's path in place of walking its headers: a static busybox does not
/// mention one.
fn is_static(executable: &Path) -> bool {
    std::fs::read(executable).is_ok_and(|bytes| {
        let head = &bytes[..bytes.len().min(4096)];
        !head.windows(9).any(|window| window == b"/ld-linux")
            && !head.windows(8).any(|window| window == b"/lib/ld-")
            && head.starts_with(b"\x7fELF")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_executable_that_names_its_loader_is_not_static() {
        let dynamic = std::env::current_exe().unwrap();

        assert!(!is_static(&dynamic));
    }

    #[test]
    fn a_file_that_is_not_there_is_not_static() {
        assert!(!is_static(Path::new("/nowhere/busybox")));
    }
}

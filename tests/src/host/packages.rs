//! The pieces of a Linux distribution that the lab stands on, and where each is found.

use std::path::{Path, PathBuf};

/// One thing that must be present on this machine.
#[derive(Debug)]
pub(super) struct Piece {
    /// What it is called in messages.
    pub(super) name: &'static str,
    /// Where it may be; a bare name is looked for in [`BIN_DIRS`].
    places: &'static [&'static str],
    /// What cannot be done without it.
    pub(super) needed: Need,
    /// Debian's and Ubuntu's name for the package that has it.
    pub(super) package: &'static str,
}

/// What a piece is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Need {
    /// Building netmaster, and with it everything.
    Build,
    /// Running the unit tests or the native scenarios.
    Native,
    /// Running the virtual machine, and what is in it.
    Machine,
}

/// Fixed, because a user's PATH often lacks the `sbin` directories. The guest searches the same.
const BIN_DIRS: [&str; 4] = ["/usr/sbin", "/usr/bin", "/sbin", "/bin"];

/// Debian 12 has it in `qemu-system-common`, its successors in a package of its own.
pub(super) const VIRTIOFSD: Piece = Piece {
    name: "virtiofsd",
    places: &["/usr/libexec/virtiofsd", "/usr/lib/qemu/virtiofsd"],
    needed: Need::Machine,
    package: "virtiofsd",
};

/// What the compiler of etcd's protocol (`protoc`) includes; Debian only recommends it with that.
const PROTOBUF_INCLUDES: Piece = Piece {
    name: "protobuf's includes",
    places: &[
        "/usr/include/google/protobuf/descriptor.proto",
        "/usr/local/include/google/protobuf/descriptor.proto",
    ],
    needed: Need::Build,
    package: "libprotobuf-dev",
};

/// The emulator, or hypervisor where there is KVM.
pub(super) const QEMU: Piece = program("qemu-system-x86_64", "qemu-system-x86");

/// The initramfs holds nothing else, so it must be the static one.
pub(super) const BUSYBOX: Piece = program("busybox", "busybox-static");

/// Everything the lab needs, on this machine and (the same files) in the guest.
pub(super) const PIECES: [Piece; 21] = [
    program("protoc", "protobuf-compiler").for_the(Need::Build),
    PROTOBUF_INCLUDES,
    program("etcd", "etcd-server").for_the(Need::Native),
    program("etcdctl", "etcd-client").for_the(Need::Native),
    program("strace", "strace").for_the(Need::Native),
    program("setpriv", "util-linux").for_the(Need::Native),
    program("ovsdb-server", "openvswitch-switch").for_the(Need::Native),
    program("ovsdb-tool", "openvswitch-common").for_the(Need::Native),
    QEMU,
    VIRTIOFSD,
    BUSYBOX,
    program("depmod", "kmod"),
    program("modprobe", "kmod"),
    program("ovs-vswitchd", "openvswitch-switch"),
    program("ovs-vsctl", "openvswitch-switch"),
    program("ip", "iproute2"),
    program("ping", "iputils-ping"),
    program("tcpdump", "tcpdump"),
    program("conntrack", "conntrack"),
    program("ipvsadm", "ipvsadm"),
    program("ethtool", "ethtool"),
];

/// For the virtual machine, as most are.
const fn program(name: &'static str, package: &'static str) -> Piece {
    Piece {
        name,
        places: &[],
        needed: Need::Machine,
        package,
    }
}

impl Piece {
    const fn for_the(mut self, needed: Need) -> Self {
        self.needed = needed;
        self
    }

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

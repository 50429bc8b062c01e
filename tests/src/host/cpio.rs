//! Writes the archive format of an initramfs: cpio's `newc`.
//!
//! An entry is a header of ASCII hex digits, the name with its closing NUL, and the content, each part
//! padded to 4 bytes:
//!
//! ```text
//! 070701 ino mode uid gid nlink mtime size devmajor devminor rdevmajor rdevminor namesize check
//! ```

/// The type bits of `st_mode`.
const DIRECTORY: u32 = 0o040_000;
const REGULAR: u32 = 0o100_000;

/// An archive in memory.
#[derive(Debug, Default)]
pub(super) struct Archive {
    bytes: Vec<u8>,
    entries: usize,
}

impl Archive {
    /// Adds an empty directory. Parents come before their children.
    pub(super) fn directory(&mut self, name: &str) {
        self.entry(name, DIRECTORY | 0o755, &[]);
    }

    /// Adds an executable file.
    pub(super) fn file(&mut self, name: &str, content: &[u8]) {
        self.entry(name, REGULAR | 0o755, content);
    }

    /// Closes the archive.
    pub(super) fn finish(mut self) -> Vec<u8> {
        self.entry("TRAILER!!!", 0, &[]);
        self.bytes
    }

    fn entry(&mut self, name: &str, mode: u32, content: &[u8]) {
        self.entries += 1;
        let (number, size, name_size) = (self.entries, content.len(), name.len() + 1);
        let header = format!(
            "070701{number:08x}{mode:08x}{0:08x}{0:08x}{links:08x}{0:08x}{size:08x}\
             {0:08x}{0:08x}{0:08x}{0:08x}{name_size:08x}{0:08x}",
            0,
            links = 1,
        );
        self.bytes.extend_from_slice(header.as_bytes());
        self.bytes.extend_from_slice(name.as_bytes());
        self.bytes.push(0);
        self.pad();
        self.bytes.extend_from_slice(content);
        self.pad();
    }

    fn pad(&mut self) {
        self.bytes.resize(self.bytes.len().next_multiple_of(4), 0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_entry_starts_on_four_bytes_with_its_magic() {
        let mut archive = Archive::default();
        archive.directory("bin");
        archive.file("bin/odd", b"12345");

        let bytes = archive.finish();

        let starts: Vec<_> = bytes
            .windows(6)
            .enumerate()
            .filter(|(_, window)| window == b"070701")
            .map(|(at, _)| at)
            .collect();
        assert_eq!(starts.len(), 3);
        assert!(starts.iter().all(|start| start % 4 == 0));
    }

    #[test]
    fn a_header_is_110_bytes_and_carries_size_and_mode() {
        let mut archive = Archive::default();
        archive.file("a", b"12345");

        let bytes = archive.finish();

        assert_eq!(&bytes[14..22], b"000081ed");
        assert_eq!(&bytes[54..62], b"00000005");
        assert_eq!(&bytes[110..112], b"a\0");
    }
}

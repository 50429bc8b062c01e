//! Reading a back-up, whole or not at all.

use std::fs::File;
use std::io::{BufRead, BufReader, Read as _};
use std::path::{Path, PathBuf};

use trunkline_ipam::{Catalog, Inconsistency, Object};

use super::form::{Checksum, Entry, Header, LAST, LINE, Trailer, VERSION};
use crate::store::{DecodeError, decode, is_record};

/// Why a file is no back-up that can be used.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// It cannot be read.
    #[error("`{}` cannot be read", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// It is something else.
    #[error("`{}` is no back-up of netmaster: name a file that `netmaster backup` wrote", path.display())]
    Foreign {
        /// The file.
        path: PathBuf,
    },
    /// A newer netmaster wrote it.
    #[error(
        "`{}` is a back-up of version {found}, and this netmaster reads up to {VERSION}: use a \
         netmaster at least as new as the one that wrote it",
        path.display()
    )]
    Newer {
        /// The file.
        path: PathBuf,
        /// Its version.
        found: u32,
    },
    /// It ends before its end.
    #[error("`{}` is not whole, its last line is missing: use another back-up", path.display())]
    Cut {
        /// The file.
        path: PathBuf,
    },
    /// It is not as it was written.
    #[error("`{}` is damaged at line {line}: use another back-up", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// Where; the last line if the checksum is wrong.
        line: u64,
    },
    /// A value in it is none of this netmaster's.
    #[error("`{}` is spoiled at line {line}: use another back-up", path.display())]
    Value {
        /// The file.
        path: PathBuf,
        /// Where.
        line: u64,
        /// Why.
        source: DecodeError,
    },
    /// Its objects contradict each other.
    #[error("the objects in `{}` contradict each other: use another back-up", path.display())]
    Inconsistent {
        /// The file.
        path: PathBuf,
        /// How.
        source: Inconsistency,
    },
}

/// A back-up that has been read once, wholly, and is as it was written.
#[derive(Debug)]
pub(super) struct Verified {
    path: PathBuf,
    pub(super) header: Header,
    pub(super) trailer: Trailer,
}

/// What a line is.
enum Line {
    Header(Header),
    Entry(String, Vec<u8>),
    Trailer(Trailer),
}

/// Reads `path` to its end, checks it, and loads what is kept in memory.
///
/// # Errors
///
/// [`ReadError`] if anything is wrong with it.
pub(super) fn verify(path: &Path) -> Result<(Verified, Catalog), ReadError> {
    check(path, open(path)?)
}

/// The objects of a back-up that is read from `file`, without a name of its own.
pub(crate) fn objects(file: impl BufRead) -> Result<Catalog, ReadError> {
    check("back-up".as_ref(), file).map(|(_, catalog)| catalog)
}

/// Checks what is read from `file`, which errors call `path`.
pub(super) fn check(path: &Path, file: impl BufRead) -> Result<(Verified, Catalog), ReadError> {
    let mut lines = Lines::of(path, file);
    let mut objects: Vec<Object> = Vec::new();
    let mut entries = 0;
    let mut last_key = String::new();
    let Some(Line::Header(header)) = lines.next()? else {
        return Err(lines.foreign());
    };
    let trailer = loop {
        match lines.next()? {
            Some(Line::Entry(key, value)) if key > last_key => {
                entries += 1;
                let object = decode(&key, &value).map_err(|error| lines.unreadable(error))?;
                if !is_record(&key) {
                    objects.push(object);
                }
                last_key = key;
            }
            Some(Line::Trailer(trailer)) => break trailer,
            Some(_) => return Err(lines.damaged()),
            None => {
                return Err(ReadError::Cut {
                    path: path.to_owned(),
                });
            }
        }
    };
    // Byte by byte what would have been written, so that nothing in it can be altered.
    let line = trailer.line(lines.checksum_before_last.clone());
    let whole = lines.buffer == line.as_bytes() && entries == trailer.entries;
    if !whole || trailer.revision > LAST || lines.next()?.is_some() {
        return Err(lines.damaged());
    }
    let catalog = Catalog::load(trailer.revision, objects);
    let catalog = catalog.map_err(|source| ReadError::Inconsistent {
        path: path.to_owned(),
        source,
    })?;
    let verified = Verified {
        path: path.to_owned(),
        header,
        trailer,
    };
    Ok((verified, catalog))
}

impl Verified {
    /// Its entries once more, in the order of their keys.
    pub(super) fn entries(
        &self,
    ) -> Result<impl Iterator<Item = Result<(String, Vec<u8>), ReadError>> + use<>, ReadError> {
        let mut lines = Lines::of(&self.path, open(&self.path)?);
        lines.next()?;
        Ok(std::iter::from_fn(move || match lines.next() {
            Ok(Some(Line::Entry(key, value))) => Some(Ok((key, value))),
            Ok(_) => None,
            Err(error) => Some(Err(error)),
        }))
    }
}

fn open(path: &Path) -> Result<BufReader<File>, ReadError> {
    let file = File::open(path).map_err(|source| ReadError::File {
        path: path.to_owned(),
        source,
    })?;
    Ok(BufReader::new(file))
}

struct Lines<R> {
    path: PathBuf,
    file: R,
    buffer: Vec<u8>,
    number: u64,
    checksum: Checksum,
    checksum_before_last: Checksum,
}

impl<R: BufRead> Lines<R> {
    fn of(path: &Path, file: R) -> Self {
        Self {
            path: path.to_owned(),
            file,
            buffer: Vec::new(),
            number: 0,
            checksum: Checksum::new(),
            checksum_before_last: Checksum::new(),
        }
    }

    fn next(&mut self) -> Result<Option<Line>, ReadError> {
        self.buffer.clear();
        // A file of another kind may be one line without end.
        let mut line = self.file.by_ref().take(LINE as u64 + 1);
        let read = line.read_until(b'\n', &mut self.buffer);
        let read = read.map_err(|source| ReadError::File {
            path: self.path.clone(),
            source,
        })?;
        if read == 0 {
            return Ok(None);
        }
        self.number += 1;
        if self.buffer.len() > LINE {
            return Err(match self.number {
                1 => self.foreign(),
                _ => self.damaged(),
            });
        }
        // A line that was cut off is the last one, and has no end.
        if !self.buffer.ends_with(b"\n") {
            return Err(ReadError::Cut {
                path: self.path.clone(),
            });
        }
        self.checksum_before_last = self.checksum.clone();
        self.checksum.add(&self.buffer);
        if self.number == 1 {
            return self.header().map(Some);
        }
        if let Ok(entry) = serde_json::from_slice::<Entry<'_>>(&self.buffer) {
            let value = entry.value.get().as_bytes().to_vec();
            return Ok(Some(Line::Entry(entry.key.to_owned(), value)));
        }
        match serde_json::from_slice(&self.buffer) {
            Ok(trailer) => Ok(Some(Line::Trailer(trailer))),
            Err(_) => Err(self.damaged()),
        }
    }

    fn header(&self) -> Result<Line, ReadError> {
        #[derive(serde::Deserialize)]
        struct Version {
            trunkline_backup: u32,
        }
        let foreign = |_| self.foreign();
        let version: Version = serde_json::from_slice(&self.buffer).map_err(foreign)?;
        if version.trunkline_backup > VERSION {
            return Err(ReadError::Newer {
                path: self.path.clone(),
                found: version.trunkline_backup,
            });
        }
        let header = serde_json::from_slice(&self.buffer).map_err(foreign)?;
        Ok(Line::Header(header))
    }

    fn foreign(&self) -> ReadError {
        ReadError::Foreign {
            path: self.path.clone(),
        }
    }

    fn damaged(&self) -> ReadError {
        ReadError::Damaged {
            path: self.path.clone(),
            line: self.number,
        }
    }

    fn unreadable(&self, source: DecodeError) -> ReadError {
        ReadError::Value {
            path: self.path.clone(),
            line: self.number,
            source,
        }
    }
}

//! An authority of a test's own, made as `netmaster certs` makes one.

use std::path::{Path, PathBuf};

use clap::Parser;
use tempfile::TempDir;
use time::OffsetDateTime;

use super::leaf::Found;
use super::rotate::at;
use super::{CertsArgs, CertsError};

#[derive(Parser)]
struct Line {
    #[command(flatten)]
    args: CertsArgs,
}

/// A directory for an authority, and a clock.
pub(crate) struct Scene {
    pub(crate) directory: TempDir,
    pub(crate) now: OffsetDateTime,
}

impl Scene {
    pub(crate) fn new() -> Self {
        Self {
            directory: tempfile::tempdir().unwrap(),
            now: OffsetDateTime::now_utc(),
        }
    }

    pub(crate) fn with_authority() -> Self {
        let scene = Self::new();
        scene.run("init").unwrap();
        scene
    }

    pub(crate) fn run(&self, line: &str) -> Result<String, CertsError> {
        let line = format!("certs {line} --dir {}", self.directory.path().display());
        at(Line::parse_from(line.split(' ')).args, self.now)
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    pub(crate) fn text(&self, name: &str) -> String {
        std::fs::read_to_string(self.path(name)).unwrap()
    }

    pub(super) fn found(&self, name: &str) -> Found {
        Found::read(Path::new(name), self.text(name).as_bytes()).unwrap()
    }
}

//! When certificates end.

use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::{Registry, Unit};

use super::labels::FileLabel;

/// Files that are looked at whenever somebody asks, and what was in them.
#[derive(Debug, Default)]
pub(super) struct Certificates {
    files: Mutex<Vec<PathBuf>>,
    ends: Family<FileLabel, Gauge>,
}

impl Certificates {
    pub(super) fn register(&self, registry: &mut Registry) {
        registry.register_with_unit(
            "certificate_not_after_timestamp",
            "When the first certificate in a file ends, since 1970",
            Unit::Seconds,
            self.ends.clone(),
        );
    }

    pub(super) fn watch(&self, files: Vec<PathBuf>) {
        *self.files.lock().unwrap_or_else(PoisonError::into_inner) = files;
    }

    pub(super) fn files(&self) -> Vec<PathBuf> {
        let files = self.files.lock();
        files.unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(super) fn set(&self, ends: &[(String, u64)]) {
        // One that cannot be read any more has no end.
        self.ends.clear();
        for (file, end) in ends {
            let file = file.clone();
            let gauge = self.ends.get_or_create_owned(&FileLabel { file });
            gauge.set(i64::try_from(*end).unwrap_or(i64::MAX));
        }
    }
}

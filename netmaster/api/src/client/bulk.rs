//! Many objects at once.

use reqwest::Method;
use serde::Serialize;
use trunkline_types::Selector;

use super::{Client, ClientError};
use crate::{Changes, Export, ImportSpec};

/// How a list is applied.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ApplyOptions {
    /// Only look what would become of the objects.
    pub dry_run: bool,
    /// With `dry_run`: it is to be made in several changes, so all of it may be more than one holds.
    pub in_parts: bool,
    /// Delete what is not in the list and whose labels match; without it, nothing is deleted.
    pub prune: Option<Selector>,
    /// The revision that somebody looked at: nothing is done if what operators manage was changed
    /// since.
    pub revision: Option<u64>,
}

#[derive(Serialize)]
struct Body<'a, T> {
    objects: &'a [T],
}

impl Client {
    /// Makes objects what `objects` says, all of them or none: [`Manifest`](crate::Manifest)s, or
    /// anything that is written like them.
    ///
    /// # Errors
    ///
    /// [`ClientError`], as for every call.
    pub async fn apply<T: Serialize + Sync>(
        &self,
        objects: &[T],
        options: &ApplyOptions,
    ) -> Result<Changes, ClientError> {
        let mut request = self.call(Method::POST, &["v1", "apply"]);
        request = request.query(&[("dryRun", options.dry_run.to_string())]);
        if options.in_parts {
            request = request.query(&[("inParts", true)]);
        }
        if let Some(revision) = options.revision {
            request = request.query(&[("revision", revision)]);
        }
        if let Some(prune) = &options.prune {
            request = request.query(&[("prune", prune.to_string())]);
        }
        self.read(request.json(&Body { objects })).await
    }

    /// All objects that operators manage and whose labels match, as they are at one moment.
    ///
    /// # Errors
    ///
    /// [`ClientError`], as for every call.
    pub async fn export(&self, labels: &Selector) -> Result<Export, ClientError> {
        let mut request = self.call(Method::GET, &["v1", "export"]);
        if !labels.is_empty() {
            request = request.query(&[("labelSelector", labels.to_string())]);
        }
        self.read(request).await
    }

    /// Takes allocations of another IPAM over, all of them or none.
    ///
    /// # Errors
    ///
    /// [`ClientError`], as for every call.
    pub async fn import(&self, spec: &ImportSpec, dry_run: bool) -> Result<Changes, ClientError> {
        let request = self.call(Method::POST, &["v1", "import"]);
        let request = request.query(&[("dryRun", dry_run.to_string())]);
        self.read(request.json(spec)).await
    }
}

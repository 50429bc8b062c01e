//! The endpoints, by attachment.

use std::borrow::Borrow;
use std::cmp::Ordering;
use std::collections::BTreeSet;
use std::ops::Bound::{Excluded, Unbounded};
use std::sync::Arc;

use trunkline_types::Attachment;

use crate::Endpoint;

/// Endpoints in the order of their attachments. The attachment is in the endpoint already, so the
/// set holds one pointer for each of what may be a million.
#[derive(Clone, Debug, Default)]
pub(super) struct EndpointSet(BTreeSet<ByAttachment>);

#[derive(Clone, Debug)]
struct ByAttachment(Arc<Endpoint>);

impl EndpointSet {
    pub(super) fn get(&self, attachment: &Attachment) -> Option<&Arc<Endpoint>> {
        self.0.get(attachment).map(|by| &by.0)
    }

    pub(super) fn insert(&mut self, endpoint: Arc<Endpoint>) {
        self.0.replace(ByAttachment(endpoint));
    }

    pub(super) fn remove(&mut self, attachment: &Attachment) -> Option<Arc<Endpoint>> {
        self.0.take(attachment).map(|by| by.0)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn values(&self) -> impl Iterator<Item = &Arc<Endpoint>> {
        self.0.iter().map(|by| &by.0)
    }

    /// Those whose attachments come after `attachment`.
    pub(super) fn after(&self, attachment: &Attachment) -> impl Iterator<Item = &Arc<Endpoint>> {
        self.0
            .range::<Attachment, _>((Excluded(attachment), Unbounded))
            .map(|by| &by.0)
    }
}

impl FromIterator<Arc<Endpoint>> for EndpointSet {
    fn from_iter<I: IntoIterator<Item = Arc<Endpoint>>>(endpoints: I) -> Self {
        Self(endpoints.into_iter().map(ByAttachment).collect())
    }
}

/// As a set of endpoints, not only of their attachments.
impl PartialEq for EndpointSet {
    fn eq(&self, other: &Self) -> bool {
        self.values().eq(other.values())
    }
}

impl Eq for EndpointSet {}

impl Borrow<Attachment> for ByAttachment {
    fn borrow(&self) -> &Attachment {
        &self.0.attachment
    }
}

impl PartialEq for ByAttachment {
    fn eq(&self, other: &Self) -> bool {
        self.0.attachment == other.0.attachment
    }
}

impl Eq for ByAttachment {}

impl PartialOrd for ByAttachment {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for ByAttachment {
    fn cmp(&self, other: &Self) -> Ordering {
        self.0.attachment.cmp(&other.0.attachment)
    }
}

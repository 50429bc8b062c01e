//! What is asked of a list.

use trunkline_types::Selector;

/// Which objects of a kind.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Query {
    /// What their labels must be.
    pub labels: Selector,
    /// What some of their fields must be: names of fields with the one value of each.
    pub fields: Vec<(String, String)>,
    /// What some of their fields must not be, in the same way.
    pub other_than: Vec<(String, String)>,
    /// Of events and of the audit, only what happened at this time or later: seconds since
    /// 1970-01-01 00:00:00 UTC. Not of a watch.
    pub since: Option<u64>,
    /// The same, before this time.
    pub until: Option<u64>,
}

impl Query {
    /// Those whose field `name` is `value`.
    #[must_use]
    pub fn field(name: &str, value: &str) -> Self {
        Self {
            fields: vec![(name.to_owned(), value.to_owned())],
            ..Self::default()
        }
    }

    /// The same, as parameters of a URL.
    pub(super) fn parameters(&self) -> Vec<(&'static str, String)> {
        let mut parameters = Vec::new();
        if !self.labels.is_empty() {
            parameters.push(("labelSelector", self.labels.to_string()));
        }
        let is = self.fields.iter();
        let is = is.map(|(name, value)| format!("{name}={value}"));
        let is_not = self.other_than.iter();
        let is_not = is_not.map(|(name, value)| format!("{name}!={value}"));
        let fields: Vec<_> = is.chain(is_not).collect();
        if !fields.is_empty() {
            parameters.push(("fieldSelector", fields.join(",")));
        }
        let period = [("since", self.since), ("until", self.until)];
        let period = period.map(|(name, time)| Some((name, time?.to_string())));
        parameters.extend(period.into_iter().flatten());
        parameters
    }
}

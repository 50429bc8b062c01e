//! What says that whoever has an address lives.

use crate::address::Tenant;
use crate::{Policy, Timestamp};

/// What is known of whoever has an address beside what the books say. Each of these alone is a
/// reason to leave the address alone; that one is missing says nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SignsOfLife {
    /// When its node was last heard, if that is known better than the books have it.
    pub heard: Option<Timestamp>,
    /// When its node said that its switch has the interface.
    pub on_switch: Option<Timestamp>,
    /// When its node said that its runtime has the container.
    pub in_runtime: Option<Timestamp>,
    /// When its node said that it keeps the address in reserve.
    pub in_reserve: Option<Timestamp>,
    /// Whether the orchestrator has the pod on that node.
    pub pod_is_there: bool,
}

impl SignsOfLife {
    /// Those that count, in words and with how old they are. That a node was heard counts until it
    /// is silent; its last word about the address for as long as it has said no other.
    pub(super) fn told(&self, tenant: &Tenant<'_>, policy: &Policy, now: Timestamp) -> Vec<String> {
        let ago = |at: Timestamp| now.unix_seconds().saturating_sub(at.unix_seconds());
        let limit = policy.silent_after.as_secs();
        let is_heard =
            !tenant.is_silent(policy, now) || self.heard.is_some_and(|at| at.after(limit) >= now);
        let heard = self.heard.max(tenant.last_heard());
        let heard = heard.filter(|_| is_heard);
        let said = [
            (heard, "the node was heard"),
            (self.on_switch, "its switch had the interface"),
            (self.in_runtime, "its runtime had the container"),
            (self.in_reserve, "it had the address in reserve"),
        ];
        let said = said.into_iter();
        let said = said.filter_map(|(at, what)| Some(format!("{what} {} s ago", ago(at?))));
        let pod = self
            .pod_is_there
            .then_some("the orchestrator has the pod there");
        said.chain(pod.map(str::to_owned)).collect()
    }
}

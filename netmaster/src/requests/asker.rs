//! Who asks something of a node, and how many places that may have.

use trunkline_netmaster_api::Role;

use super::PLACES;
use crate::identity::{Identity, IdentityName};

/// How many requests to one node are one identity's at a time.
const OF_ONE: usize = 4;

/// How many there may be if somebody asks who is no operator: what operators do has to go on.
const WITH_VIEWERS: usize = PLACES / 2;

/// How many there may be if anybody asks but the leader itself, whose probes have to go on.
const WITH_CALLERS: usize = PLACES - 2;

/// Who asks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Asker {
    /// The leader itself, unasked, as an operator might.
    Leader,
    /// Somebody with this role.
    Caller {
        role: Role,
        /// None of those who are everybody at once.
        name: Option<IdentityName>,
    },
}

impl Asker {
    /// Who has this identity.
    pub(crate) fn of(identity: &Identity) -> Self {
        Self::Caller {
            role: identity.role(),
            name: (!identity.is_unlimited()).then(|| identity.name().clone()),
        }
    }

    pub(super) fn role(&self) -> Role {
        match self {
            Self::Leader => Role::Operator,
            Self::Caller { role, .. } => *role,
        }
    }

    /// Whether there is a place for it beside `others`.
    pub(super) fn has_place<'a>(&self, others: impl ExactSizeIterator<Item = &'a Self>) -> bool {
        let most = match self {
            Self::Leader => PLACES,
            Self::Caller { role, .. } if role.covers(Role::Operator) => WITH_CALLERS,
            Self::Caller { .. } => WITH_VIEWERS,
        };
        let is_named = matches!(self, Self::Caller { name: Some(_), .. });
        others.len() < most
            && !(is_named && others.filter(|other| *other == self).count() >= OF_ONE)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn somebody(name: &str) -> Asker {
        Asker::of(&Identity::of_certificate(name).unwrap())
    }

    /// How many places `asker` gets beside `others`.
    fn gets(asker: &Asker, others: &[Asker]) -> usize {
        let mut all = others.to_vec();
        while asker.has_place(all.iter()) {
            all.push(asker.clone());
        }
        all.len() - others.len()
    }

    #[test]
    fn nobody_has_all_places_and_the_leader_always_has_some() {
        assert_eq!(gets(&somebody("viewer:vera"), &[]), 4);
        assert_eq!(gets(&somebody("admin:root"), &[]), 4);
        let mut all = Vec::new();
        for number in 0..10 {
            let viewer = somebody(&format!("viewer:v{number}"));
            all.extend(vec![viewer.clone(); gets(&viewer, &all)]);
        }
        assert_eq!(all.len(), 8);
        for number in 0..10 {
            let operator = somebody(&format!("operator:o{number}"));
            all.extend(vec![operator.clone(); gets(&operator, &all)]);
        }
        assert_eq!(all.len(), 14);
        assert_eq!(gets(&Asker::of(&Identity::local()), &all), 0);
        assert_eq!(gets(&Asker::Leader, &all), 2);
        // Who is everybody at once is not told apart.
        assert_eq!(gets(&Asker::of(&Identity::local()), &[]), 14);
    }
}

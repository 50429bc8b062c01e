//! Tokens among the random changes.

use super::{Deal, NETWORKS, NODES, Run};
use crate::fixture::{NOW, digest, join_token, token};
use crate::{create_token, delete_token, use_to_join};

const TOKENS: [&str; 3] = ["t1", "t2", "t3"];

impl Run {
    pub(super) fn change_tokens(&mut self, deal: &mut Deal<'_>) {
        let (name, secret) = (deal.of(&TOKENS).to_owned(), deal.number(4));
        match deal.number(4) {
            0 => {
                let network = deal.of(&NETWORKS).to_owned();
                let spec = token(&name, secret, &[&network]);
                let planned = create_token(self.catalog(), &spec, NOW);
                self.make("create token", planned.map(|planned| planned.change));
            }
            1 => {
                let spec = join_token(&name, secret, &NODES[..2], deal.number(2) == 0);
                let planned = create_token(self.catalog(), &spec, NOW);
                self.make("create token", planned.map(|planned| planned.change));
            }
            2 => {
                let (node, key) = (deal.name(&NODES), digest(deal.number(2)));
                let planned = use_to_join(self.catalog(), &digest(secret), &node, key, NOW);
                self.make("join", planned.map(|planned| planned.change));
            }
            _ => {
                let planned = delete_token(self.catalog(), &crate::fixture::name(&name), None);
                self.make("delete token", planned);
            }
        }
    }
}

//! Asking a node's agent, and what is known of an address's past.

use std::net::IpAddr;
use std::time::Duration;

use reqwest::Method;
use trunkline_types::Name;

use super::lines::Lines;
use super::{Client, ClientError};
use crate::{AddressHistory, AnswerLine, NodeRequestSpec};

/// The answer of a node's agent, line by line. Who drops it cancels the request.
#[derive(Debug)]
pub struct Answer {
    client: Client,
    lines: Lines,
    over: bool,
}

impl Answer {
    /// The next line; none behind the last one. Cancel-safe: what has come is kept.
    ///
    /// # Errors
    ///
    /// [`ClientError::Ended`] if the answer was cut off before its last line, or another
    /// [`ClientError`].
    pub async fn next(&mut self) -> Result<Option<AnswerLine>, ClientError> {
        if self.over {
            return Ok(None);
        }
        let line = self.lines.next(&self.client).await?;
        let line: AnswerLine = self.client.parse(&line)?;
        self.over = line.is_last();
        Ok(Some(line))
    }
}

impl Client {
    /// How much longer than its own deadline a request to a node may take on its way.
    const RELAY: Duration = Duration::from_secs(10);

    /// Asks something of a node's agent. The request's own deadline counts, and an agent must not
    /// be silent for longer than 75 seconds.
    ///
    /// # Errors
    ///
    /// [`ClientError`], as for every call.
    pub async fn ask_node(
        &self,
        node: &Name,
        spec: &NodeRequestSpec,
    ) -> Result<Answer, ClientError> {
        let path = ["v1", "nodes", node.as_str(), "requests"];
        let deadline = Duration::from_secs(spec.deadline_seconds.into()) + Self::RELAY;
        let request = self.request(Method::POST, &path).timeout(deadline);
        let response = self.send(request.json(spec)).await?;
        Ok(Answer {
            client: self.clone(),
            lines: Lines::of(response),
            over: false,
        })
    }

    /// Who held an address, oldest first; with `at` only who held it then: seconds since 1970, or
    /// as in RFC 3339.
    ///
    /// # Errors
    ///
    /// [`ClientError`], as for every call.
    pub async fn address_history(
        &self,
        ip: IpAddr,
        at: Option<&str>,
    ) -> Result<AddressHistory, ClientError> {
        let ip = ip.to_string();
        let path = ["v1", "addresses", &ip, "history"];
        let at: Vec<_> = at.map(|at| ("at", at)).into_iter().collect();
        let first = self.call(Method::GET, &path).query(&at);
        let mut whole: AddressHistory = self.read(first).await?;
        while let Some(next) = whole.next.take() {
            let request = self.call(Method::GET, &path).query(&[("continue", &next)]);
            let page: AddressHistory = self.read(request).await?;
            whole.items.extend(page.items);
            whole.next = page.next;
        }
        Ok(whole)
    }
}

//! The side of the one who asked.

use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, sleep, sleep_until};
use tracing::info;
use trunkline_netmaster_api::{AnswerErrorCode, AnswerLine};
use trunkline_types::Name;

use super::{GRACE, Piece, Relay, RequestId};

/// A request that has been put. Dropping it cancels it.
#[derive(Debug)]
pub(crate) struct Asked {
    relay: Relay,
    node: Name,
    id: RequestId,
    kind: &'static str,
    answer: mpsc::Receiver<Piece>,
    connected: watch::Receiver<bool>,
    term: watch::Receiver<u64>,
    asked: Instant,
    deadline: Instant,
    begun: bool,
    /// How it ended; `cancelled` if the caller goes first.
    outcome: Option<&'static str>,
}

impl Asked {
    pub(super) fn new(
        relay: Relay,
        (node, id, kind): (Name, RequestId, &'static str),
        answer: mpsc::Receiver<Piece>,
        connected: watch::Receiver<bool>,
        term: watch::Receiver<u64>,
        deadline: Instant,
    ) -> Self {
        Self {
            relay,
            node,
            id,
            kind,
            answer,
            connected,
            term,
            asked: Instant::now(),
            deadline,
            begun: false,
            outcome: None,
        }
    }

    /// The next line of the answer; `None` after the last one, which is `end` or `error`.
    pub(crate) async fn next(&mut self) -> Option<AnswerLine> {
        while self.outcome.is_none() {
            // All are cancel-safe: a piece that is not received stays in the channel. In this
            // order, so that what has been answered counts before what went wrong after it.
            let line = tokio::select! {
                biased;
                piece = self.answer.recv() => match piece {
                    Some(Piece::Begun) => {
                        self.begun = true;
                        continue;
                    }
                    Some(Piece::Line(line)) => line,
                    None if self.term.has_changed().unwrap_or(true) => interrupted(),
                    None => unreachable_node(&self.node),
                },
                _ = self.term.changed() => interrupted(),
                () = sleep_until(self.deadline) => match self.begun || *self.connected.borrow() {
                    true => late(&self.node),
                    // More time would not have helped.
                    false => unreachable_node(&self.node),
                },
                () = away(&mut self.connected), if !self.begun => unreachable_node(&self.node),
            };
            if let Some(outcome) = outcome_of(&line) {
                self.outcome = Some(outcome);
            }
            return Some(line);
        }
        None
    }
}

impl Drop for Asked {
    fn drop(&mut self) {
        let outcome = self.outcome.unwrap_or("cancelled");
        self.relay.forget(&self.node, self.id);
        self.relay.shared.metrics.node_request(self.kind, outcome);
        info!(
            target: "trunkline_netmaster::audit",
            kind = self.kind,
            node = %self.node,
            id = %self.id,
            outcome,
            milliseconds = u64::try_from(self.asked.elapsed().as_millis()).unwrap_or(u64::MAX),
            "request to node"
        );
    }
}

/// Returns when the agent has been away for [`GRACE`]. Cancel-safe.
async fn away(connected: &mut watch::Receiver<bool>) {
    loop {
        // Without the station there is no agent either.
        let _ = connected.wait_for(|connected| !connected).await;
        tokio::select! {
            () = sleep(GRACE) => return,
            back = connected.wait_for(|connected| *connected) => if back.is_err() {
                return;
            },
        }
    }
}

fn outcome_of(line: &AnswerLine) -> Option<&'static str> {
    match line {
        AnswerLine::Item { .. } | AnswerLine::Bytes { .. } => None,
        AnswerLine::End => Some("answered"),
        AnswerLine::Error { code, .. } => Some(match code {
            AnswerErrorCode::NodeUnreachable => "node_unreachable",
            AnswerErrorCode::DeadlineExceeded => "deadline_exceeded",
            AnswerErrorCode::AnswerTooLarge => "answer_too_large",
            AnswerErrorCode::AnswerInvalid => "answer_invalid",
            AnswerErrorCode::Interrupted => "interrupted",
            _ => "failed",
        }),
    }
}

fn interrupted() -> AnswerLine {
    AnswerLine::Error {
        code: AnswerErrorCode::Interrupted,
        detail: "this netmaster no longer leads, or ends: ask again".to_owned(),
    }
}

fn late(node: &Name) -> AnswerLine {
    AnswerLine::Error {
        code: AnswerErrorCode::DeadlineExceeded,
        detail: format!(
            "node `{node}` did not answer in time: ask again with a longer `deadline_seconds`"
        ),
    }
}

fn unreachable_node(node: &Name) -> AnswerLine {
    AnswerLine::Error {
        code: AnswerErrorCode::NodeUnreachable,
        detail: format!(
            "the agent of node `{node}` is not connected, or broke off: see whether its agent runs"
        ),
    }
}

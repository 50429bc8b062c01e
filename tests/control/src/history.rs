//! What clients asked for and were told, and when: the evidence that a store of addresses behaves
//! as if there were but one, which does one thing at a time.

mod check;

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::Instant;

pub use check::check;

/// One request, from the moment that it was sent to the moment that its answer came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Operation {
    /// Whose address it is about: an index into [`History::attachments`].
    pub attachment: usize,
    /// What was asked for, and what the answer was.
    pub call: Call,
    /// When it was sent, in nanoseconds since the history began.
    pub start: u64,
    /// When the answer came; none if there was none, so that it may happen at any time, or never.
    pub end: Option<u64>,
}

/// What was asked for, and what the answer was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Call {
    /// An address, please. Without an answer this says `None`.
    Allocate(Option<Allocated>),
    /// Take the address back.
    Release,
    /// Which address is it? Asked of who knows, when nothing is under way any more.
    Look(Option<IpAddr>),
}

impl Call {
    /// The address that was told, if one was.
    pub fn address(self) -> Option<IpAddr> {
        match self {
            Self::Allocate(Some(Allocated::Address(ip))) => Some(ip),
            Self::Look(held) => held,
            Self::Allocate(_) | Self::Release => None,
        }
    }
}

/// The answer to a wish for an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Allocated {
    /// This one.
    Address(IpAddr),
    /// There is none.
    Full,
}

/// The operations of all clients.
#[derive(Clone, Debug, Default)]
pub struct History {
    /// The names of the attachments.
    pub attachments: Vec<String>,
    /// In no order.
    pub operations: Vec<Operation>,
}

/// One client's part of a history, under way.
#[derive(Debug)]
pub struct Recorder {
    epoch: Instant,
    operations: Vec<(String, Operation)>,
}

/// A request that was sent and is to be recorded.
#[derive(Clone, Copy, Debug)]
pub struct Started(u64);

impl Recorder {
    /// An empty part of the history that begins at `epoch`.
    pub fn new(epoch: Instant) -> Self {
        Self {
            epoch,
            operations: Vec::new(),
        }
    }

    /// To be called just before a request is sent.
    pub fn start(&self) -> Started {
        Started(self.now())
    }

    /// Records a request that was answered just now.
    pub fn answered(&mut self, attachment: &str, started: Started, call: Call) {
        let end = Some(self.now());
        self.record(attachment, started, call, end);
    }

    /// Records a request whose fate is not known. One that was never sent is not to be recorded.
    pub fn unanswered(&mut self, attachment: &str, started: Started, call: Call) {
        self.record(attachment, started, call, None);
    }

    /// The attachments that were asked about, each as often as it was.
    pub fn attachments(&self) -> impl Iterator<Item = String> {
        self.operations.iter().map(|(name, _)| name.clone())
    }

    /// How many operations there are.
    pub fn len(&self) -> usize {
        self.operations.len()
    }

    fn record(&mut self, attachment: &str, started: Started, call: Call, end: Option<u64>) {
        let operation = Operation {
            // Numbers are given when the parts are put together.
            attachment: 0,
            call,
            start: started.0,
            end,
        };
        self.operations.push((attachment.to_owned(), operation));
    }

    /// Since the beginning, in nanoseconds.
    fn now(&self) -> u64 {
        u64::try_from(self.epoch.elapsed().as_nanos()).unwrap_or(u64::MAX)
    }
}

impl History {
    /// The parts put together.
    pub fn of(parts: impl IntoIterator<Item = Recorder>) -> Self {
        let mut history = Self::default();
        let mut numbers = BTreeMap::new();
        for (name, operation) in parts.into_iter().flat_map(|part| part.operations) {
            let attachment = *numbers.entry(name).or_insert_with_key(|name| {
                history.attachments.push(name.clone());
                history.attachments.len() - 1
            });
            history.operations.push(Operation {
                attachment,
                ..operation
            });
        }
        history
    }

    /// How an operation is shown to people.
    fn describe(&self, operation: &Operation) -> String {
        let name = self.attachments.get(operation.attachment);
        let name = name.map_or("?", String::as_str);
        let what = match operation.call {
            Call::Allocate(None) => format!("allocate {name} → no answer"),
            Call::Allocate(Some(Allocated::Full)) => format!("allocate {name} → full"),
            Call::Allocate(Some(Allocated::Address(ip))) => format!("allocate {name} → {ip}"),
            Call::Release if operation.end.is_none() => format!("release {name} → no answer"),
            Call::Release => format!("release {name} → done"),
            Call::Look(None) => format!("look at {name} → has none"),
            Call::Look(Some(ip)) => format!("look at {name} → has {ip}"),
        };
        let micros = |nanoseconds: u64| nanoseconds / 1000;
        let start = micros(operation.start);
        match operation.end {
            Some(end) => format!("{start:>10}–{:<10} µs  {what}", micros(end)),
            None => format!("{start:>10}–{:<10} µs  {what}", "?"),
        }
    }
}

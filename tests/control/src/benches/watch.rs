//! `watch`: ten thousand agents watch, and something changes.
//!
//! An agent is a connection that has sent
//! `GET /v1/networks?watch=true&after=<revision>` and reads lines of JSON. How long a change takes
//! is measured from the moment that it is asked for to the moment that an agent has read it; the
//! last of the agents is what matters. Beside it: the first.
//!
//! The memory of a watcher is what netmaster grows by for each, beside what it grows by for a
//! connection on which nothing is asked any more.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail, ensure};
use hdrhistogram::Histogram;
use hyper::Method;
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use trunkline_outcome::{Goal, Line, Subject};

use super::Extent;
use crate::harness::Context;
use crate::harness::netmaster::{Netmaster, READY, Running, Store};

/// How long a change may take to reach everybody.
const PATIENCE: Duration = Duration::from_secs(60);

/// Descriptors beside those of the watchers: idle connections, and netmaster's own.
const SPARE: u64 = 3000;

/// For each idle connection so many watch; it takes fewer to see what one needs.
const WATCHING_PER_IDLE: usize = 10;

/// What the name of a network begins with that is created to be seen.
const MARK: &str = "change-";

pub(super) async fn measure(context: Context, extent: Extent) -> anyhow::Result<Vec<Line>> {
    let watchers: usize = extent.of(10_000, 200);
    raise_descriptors(u64::try_from(watchers)?)?;
    let store = Store::Embedded(context.dir.join("data"));
    let mut running = Netmaster::new(&context, &store)?.start().await?;
    running.wait_ready(READY).await?;
    let after = create(&running, "first", 4000).await?;
    let waves = usize::try_from(extent.pairs)?;
    let mut agents = Agents::new(running.address, watchers)?;
    let mut memory = Vec::new();
    for wave in 0..waves {
        let count = watchers * (wave + 1) / waves - watchers * wave / waves;
        let few = count.div_ceil(WATCHING_PER_IDLE);
        let idle = grown_by(&running, few, agents.add_idle(few)).await?;
        let watching = grown_by(&running, count, agents.add_watching(count, after)).await?;
        // A page more or less is all that a small number of connections can show.
        memory.push((watching.max(1.0), idle.max(1.0)));
    }
    let (mut medians, mut p99) = (Vec::new(), Vec::new());
    for number in 0..extent.pairs {
        let asked = Instant::now();
        create(&running, &format!("{MARK}{number}"), 100 + number).await?;
        let seen = agents.all_have_seen(number, asked).await?;
        medians.push((seen.latency(0.5), seen.first));
        p99.push((seen.latency(0.99), seen.first));
    }
    let line = |what: &str, other_name, unit, figures: &[(f64, f64)]| {
        let subject = Subject {
            bench: "watch",
            case: format!("{watchers} agents: {what}"),
            other_name,
            unit,
            goal: Goal::None,
        };
        Line::of_pairs(subject, figures)
    };
    Ok(vec![
        line("p50 until a change is there", "the first", "ms", &medians)?,
        line("p99 until a change is there", "the first", "ms", &p99)?,
        line("memory of each", "idle connection", "KiB", &memory)?,
    ])
}

/// Lets this process, and those that it starts, have so many descriptors.
fn raise_descriptors(wanted: u64) -> anyhow::Result<()> {
    let (_, most) = getrlimit(Resource::RLIMIT_NOFILE)?;
    let wanted = wanted + SPARE;
    ensure!(
        most >= wanted,
        "a process may have {most} descriptors and needs {wanted}: raise the limit with \
         `ulimit -Hn {wanted}`"
    );
    Ok(setrlimit(Resource::RLIMIT_NOFILE, wanted, most)?)
}

/// Creates a network and returns the revision of that change.
async fn create(running: &Running, name: &str, vlan: u32) -> anyhow::Result<u64> {
    let spec = json!({"name": name, "vlan": vlan});
    let mut client = running.client();
    let body = client
        .send(Method::POST, "/v1/networks", Some(&spec))
        .await?;
    let network: Value = serde_json::from_slice(&body)?;
    network["revision"].as_u64().context("no revision")
}

/// KiB that netmaster grows by for each of the `count` connections that `adding` adds.
#[expect(clippy::cast_precision_loss, reason = "counts far below 2^52")]
async fn grown_by(
    running: &Running,
    count: usize,
    adding: impl Future<Output = anyhow::Result<()>>,
) -> anyhow::Result<f64> {
    let before = running.process.memory()?.resident;
    adding.await?;
    let after = running.process.memory()?.resident;
    Ok(after.saturating_sub(before) as f64 / 1024.0 / count as f64)
}

/// Connections of agents.
struct Agents {
    address: SocketAddr,
    idle: Vec<TcpStream>,
    watching: JoinSet<anyhow::Result<()>>,
    report: mpsc::Sender<(u32, Instant)>,
    reports: mpsc::Receiver<(u32, Instant)>,
}

/// When the agents saw a change.
struct Seen {
    /// Milliseconds until the first did.
    first: f64,
    /// Microseconds.
    all: Histogram<u64>,
}

impl Seen {
    #[expect(clippy::cast_precision_loss, reason = "microseconds far below 2^52")]
    fn latency(&self, quantile: f64) -> f64 {
        self.all.value_at_quantile(quantile) as f64 / 1000.0
    }
}

impl Agents {
    fn new(address: SocketAddr, watchers: usize) -> anyhow::Result<Self> {
        ensure!(watchers > 0, "somebody has to watch");
        // Every agent reports each change once, and no change is made before all have reported.
        let (report, reports) = mpsc::channel(watchers);
        Ok(Self {
            address,
            idle: Vec::new(),
            watching: JoinSet::new(),
            report,
            reports,
        })
    }

    /// Connections that have asked something and were answered.
    async fn add_idle(&mut self, count: usize) -> anyhow::Result<()> {
        for _ in 0..count {
            let mut stream = ask(self.address, "/healthz").await?;
            head(&mut stream).await?;
            self.idle.push(stream);
        }
        Ok(())
    }

    /// Agents that watch, with the answer begun.
    async fn add_watching(&mut self, count: usize, after: u64) -> anyhow::Result<()> {
        for _ in 0..count {
            let path = format!("/v1/networks?watch=true&after={after}");
            let mut stream = ask(self.address, &path).await?;
            let rest = head(&mut stream).await?;
            self.watching
                .spawn(watch(stream, rest, self.report.clone()));
        }
        Ok(())
    }

    /// Waits until every agent has seen change `number`, which was asked for at `asked`.
    async fn all_have_seen(&mut self, number: u32, asked: Instant) -> anyhow::Result<Seen> {
        let mut all = Histogram::new(3)?;
        let mut first = None;
        for _ in 0..self.watching.len() {
            // Cancel-safe: what is not received here is an error anyway.
            let (seen, at) = tokio::select! {
                report = tokio::time::timeout(PATIENCE, self.reports.recv()) => report
                    .with_context(|| format!("only {} agents have seen a change", all.len()))?
                    .context("nobody reports")?,
                Some(ended) = self.watching.join_next() => {
                    ended??;
                    bail!("an agent's watch has ended");
                }
            };
            ensure!(seen == number, "an agent saw change {seen} for {number}");
            let took = at.duration_since(asked);
            all.record(u64::try_from(took.as_micros())?)?;
            first = Some(first.map_or(took, |first: Duration| first.min(took)));
        }
        let first = first.unwrap_or_default().as_secs_f64() * 1000.0;
        Ok(Seen { first, all })
    }
}

async fn ask(address: SocketAddr, path: &str) -> anyhow::Result<TcpStream> {
    let mut stream = TcpStream::connect(address).await?;
    let request = format!("GET {path} HTTP/1.1\r\nhost: localhost\r\n\r\n");
    stream.write_all(request.as_bytes()).await?;
    Ok(stream)
}

/// Reads the answer's head and returns what of the body came with it.
async fn head(stream: &mut TcpStream) -> anyhow::Result<Vec<u8>> {
    let mut read = Vec::new();
    let reading = async {
        loop {
            if let Some(end) = read.windows(4).position(|end| end == b"\r\n\r\n") {
                let head = String::from_utf8_lossy(&read[..end]).into_owned();
                ensure!(head.starts_with("HTTP/1.1 200"), "{head}");
                return anyhow::Ok(end + 4);
            }
            ensure!(
                stream.read_buf(&mut read).await? > 0,
                "the connection was closed"
            );
        }
    };
    let end = tokio::time::timeout(PATIENCE, reading)
        .await
        .context("no answer")??;
    Ok(read.split_off(end))
}

/// Reads the body and reports the changes in it. How it is divided into chunks does not matter: a
/// chunk holds whole lines.
async fn watch(
    mut stream: TcpStream,
    mut text: Vec<u8>,
    report: mpsc::Sender<(u32, Instant)>,
) -> anyhow::Result<()> {
    loop {
        while let Some(end) = text.iter().position(|&byte| byte == b'\n') {
            let line: Vec<_> = text.drain(..=end).collect();
            if let Some(number) = change_in(&String::from_utf8_lossy(&line)) {
                report.send((number, Instant::now())).await?;
            }
        }
        ensure!(
            stream.read_buf(&mut text).await? > 0,
            "netmaster has ended a watch"
        );
    }
}

/// The number in the name of a network that was created to be seen.
fn change_in(line: &str) -> Option<u32> {
    let (_, rest) = line.split_once(MARK)?;
    let digits = rest.split(|sign: char| !sign.is_ascii_digit()).next()?;
    digits.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_is_told_by_its_networks_name() {
        let line = r#"{"type":"put","object":{"name":"change-12","vlan":112}}"#;
        assert_eq!(change_in(line), Some(12));
        assert_eq!(change_in("2f\r\n"), None);
        assert_eq!(change_in(r#"{"type":"progress","revision":7}"#), None);
    }
}

//! One member.

use std::fmt::Write as _;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context as _, ensure};

use super::Settings;
use crate::harness::http::get;
use crate::harness::process::{Process, command};
use crate::harness::wait::wait_until;

/// How long a member may take to answer a question about itself.
const ANSWER: Duration = Duration::from_secs(1);

/// Where a member is found: by itself, and as others are told.
#[derive(Clone, Copy, Debug)]
pub(super) struct Addresses {
    pub(super) client: SocketAddr,
    pub(super) client_advertised: SocketAddr,
    pub(super) peer: SocketAddr,
    pub(super) peer_advertised: SocketAddr,
}

/// One member, running or not.
#[derive(Debug)]
pub(super) struct Member {
    name: String,
    pub(super) addresses: Addresses,
    /// `--initial-cluster`: the same for all.
    cluster: String,
    dir: PathBuf,
    settings: Settings,
    process: Option<Process>,
}

impl Member {
    /// Member `number` of those at `all`, with its data and log in `dir`.
    pub(super) fn new(number: usize, all: &[Addresses], dir: &Path, settings: &Settings) -> Self {
        let mut cluster = String::new();
        for (number, addresses) in all.iter().enumerate() {
            let separator = if number == 0 { "" } else { "," };
            let _ = write!(
                cluster,
                "{separator}{}=http://{}",
                name(number),
                addresses.peer_advertised
            );
        }
        Self {
            name: name(number),
            addresses: all[number],
            cluster,
            dir: dir.to_owned(),
            settings: settings.clone(),
            process: None,
        }
    }

    /// Starts it and returns its process id.
    pub(super) fn start(&mut self) -> anyhow::Result<u32> {
        let url = |address: SocketAddr| format!("http://{address}");
        let mut etcd = self.executable();
        etcd.arg("--name").arg(&self.name);
        etcd.arg("--data-dir").arg(self.dir.join(&self.name));
        etcd.args(["--listen-client-urls", &url(self.addresses.client)]);
        etcd.args([
            "--advertise-client-urls",
            &url(self.addresses.client_advertised),
        ]);
        etcd.args(["--listen-peer-urls", &url(self.addresses.peer)]);
        etcd.args([
            "--initial-advertise-peer-urls",
            &url(self.addresses.peer_advertised),
        ]);
        etcd.args(["--initial-cluster", &self.cluster]);
        etcd.args(["--logger", "zap", "--log-level", "warn"]);
        etcd.args(["--log-outputs", "stderr"]);
        if let Some(quota) = self.settings.quota {
            etcd.args(["--quota-backend-bytes", &quota.to_string()]);
        }
        // What it is to do is on its command line, and nowhere else.
        etcd.env_clear();
        if let Some(path) = std::env::var_os("PATH") {
            etcd.env("PATH", path);
        }
        let process = Process::start(&self.name, &self.dir, etcd)?;
        Ok(self.process.insert(process).id())
    }

    fn executable(&self) -> Command {
        let Some(delay) = self.settings.sync_delay else {
            return command("etcd");
        };
        let mut strace = command("strace");
        // -D: etcd is our child, and strace its tracer from aside, so that signals of ours reach
        // etcd and strace ends with it.
        strace.args(["-D", "-f", "--seccomp-bpf", "-qqq", "-o", "/dev/null"]);
        strace.args(["-e", "trace=fdatasync", "-e"]);
        strace.arg(format!("inject=fdatasync:delay_exit={}", delay.as_micros()));
        strace.arg("etcd");
        strace
    }

    /// The running process.
    pub(super) fn process(&mut self) -> anyhow::Result<&mut Process> {
        self.process
            .as_mut()
            .with_context(|| format!("etcd's {} was never started", self.name))
    }

    /// Waits until it serves, with a leader.
    pub(super) async fn wait_healthy(&mut self, deadline: Duration) -> anyhow::Result<()> {
        let what = format!("etcd's {} to be healthy", self.name);
        let client = self.addresses.client;
        let process = self.process()?;
        wait_until(&what, deadline, || {
            let running = process.check_running();
            async move {
                // Who has ended is waited for no longer.
                if running.is_err() {
                    return Ok(running);
                }
                let reply = get(client, "/health", ANSWER).await?;
                let text = String::from_utf8_lossy(&reply.body);
                ensure!(text.contains("\"true\""), "{text}");
                anyhow::Ok(running)
            }
        })
        .await?
    }

    /// Whether it leads.
    pub(super) async fn leads(&self) -> anyhow::Result<bool> {
        Ok(self.counter("etcd_server_is_leader").await? > 0.0)
    }

    /// One of its metrics, summed up over its labels.
    pub(super) async fn counter(&self, name: &str) -> anyhow::Result<f64> {
        let reply = get(self.addresses.client, "/metrics", ANSWER).await?;
        let text = String::from_utf8_lossy(&reply.body);
        sum_of(&text, name).with_context(|| format!("etcd has no metric `{name}`"))
    }
}

fn name(number: usize) -> String {
    format!("m{}", number + 1)
}

/// The sum of all samples of `name` in Prometheus' text form; none if there is no sample.
fn sum_of(metrics: &str, name: &str) -> Option<f64> {
    let samples = metrics.lines().filter_map(|line| {
        let rest = line.strip_prefix(name)?;
        // Labels, or the value itself; anything else belongs to a longer name.
        let value = match rest.strip_prefix('{') {
            Some(labels) => labels.rsplit_once('}')?.1,
            None => rest.strip_prefix(' ')?,
        };
        value.trim().parse::<f64>().ok()
    });
    samples.reduce(|sum, sample| sum + sample)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_metric_is_summed_over_its_labels_and_not_taken_for_a_longer_one() {
        let text = "# TYPE a counter\na 1\na_total 7\nb{x=\"1\"} 2\nb{x=\"}\"} 3e1\n";
        assert_eq!(sum_of(text, "a"), Some(1.0));
        assert_eq!(sum_of(text, "b"), Some(32.0));
        assert_eq!(sum_of(text, "c"), None);
    }
}

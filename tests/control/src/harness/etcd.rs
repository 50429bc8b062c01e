//! A real etcd, of one member or several, on loopback.

mod member;
mod source;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;

use super::proxy::{Cuts, Link, Passage, Proxy};
use super::wait::wait_until;
use super::{free_ports, fresh_dir};
use member::{Addresses, Member};
use source::Sources;

/// How long etcd may take to be there, after whatever was done to it.
const READY: Duration = Duration::from_secs(30);

/// Ends of connections are numbered: members from 0 on, and clients from here.
const FIRST_CLIENT: usize = 1000;

/// How long a call of ours to etcd may take.
const CALL: Duration = Duration::from_secs(5);

/// How an etcd is to differ from a plain one.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    /// How much longer each sync of its disk is to take.
    ///
    /// `strace` holds the thread up for as long when the kernel has done `fdatasync`, as a slower
    /// disk would. With its filter (`--seccomp-bpf`) no other system call is traced; what that
    /// itself takes was seen to be some 0.2 ms a sync. Other ways were no good: a slow block device (dm-delay) takes a kernel module, a slow file system
    /// (FUSE) another, and a library in front of libc is not seen by etcd's Go runtime.
    pub sync_delay: Option<Duration>,
    /// How many bytes it may keep; its own default if none.
    pub quota: Option<u64>,
    /// Whether members can be cut off from each other and from their clients.
    pub cuttable: bool,
}

/// An etcd. Its processes are killed and its connections cut when this is dropped.
#[derive(Debug)]
pub struct Etcd {
    members: Vec<Member>,
    sources: Sources,
    peer_cuts: Cuts,
    client_cuts: Cuts,
    /// Held for what they carry.
    _proxies: Vec<Proxy>,
}

impl Etcd {
    /// Starts `count` members with their data below `dir`, and waits until they are healthy.
    ///
    /// # Errors
    ///
    /// They do not come up.
    pub async fn start(dir: &Path, count: usize, settings: Settings) -> anyhow::Result<Self> {
        let mut etcd = Self::place(dir, count, settings).await?;
        for number in 0..count {
            etcd.start_member(number)?;
        }
        etcd.wait_healthy().await?;
        Ok(etcd)
    }

    /// Decides on addresses and starts the proxies.
    async fn place(dir: &Path, count: usize, settings: Settings) -> anyhow::Result<Self> {
        let dir = dir.join("etcd");
        fresh_dir(&dir)?;
        let ports = free_ports(2 * count)?;
        let (peer_cuts, client_cuts) = (Cuts::none(), Cuts::none());
        let sources = Sources::default();
        let mut proxies = Vec::new();
        let mut all = Vec::new();
        for (number, ports) in ports.chunks_exact(2).enumerate() {
            let own = |port: u16| ([127, 0, 0, 1], port).into();
            let mut addresses = Addresses {
                client: own(ports[0]),
                client_advertised: own(ports[0]),
                peer: own(ports[1]),
                peer_advertised: own(ports[1]),
            };
            if settings.cuttable {
                let (to, sources) = (number, sources.clone());
                // All are told the same address for this member, so who calls is not told by it.
                let passage: Passage = Arc::new(move |peer| Link {
                    from: sources.at(peer),
                    to,
                });
                let clients = Proxy::start(addresses.client, passage.clone(), &client_cuts).await?;
                let peers = Proxy::start(addresses.peer, passage, &peer_cuts).await?;
                addresses.client_advertised = clients.address;
                addresses.peer_advertised = peers.address;
                proxies.extend([clients, peers]);
            }
            all.push(addresses);
        }
        let members = (0..count)
            .map(|number| Member::new(number, &all, &dir, &settings))
            .collect();
        Ok(Self {
            members,
            sources,
            peer_cuts,
            client_cuts,
            _proxies: proxies,
        })
    }

    /// How many members there are, running or not.
    pub fn members(&self) -> usize {
        self.members.len()
    }

    /// What its clients are to be given: the URL of every member.
    pub fn endpoints(&self) -> Vec<String> {
        let advertised = |member: &Member| member.addresses.client_advertised;
        self.members
            .iter()
            .map(|member| format!("http://{}", advertised(member)))
            .collect()
    }

    /// A client of ours, which no cut concerns.
    ///
    /// # Errors
    ///
    /// No member can be reached.
    pub async fn client(&self) -> anyhow::Result<etcd_client::Client> {
        let direct = self
            .members
            .iter()
            .map(|member| format!("http://{}", member.addresses.client));
        let options = etcd_client::ConnectOptions::new()
            .with_timeout(CALL)
            .with_connect_timeout(CALL);
        etcd_client::Client::connect(direct.collect::<Vec<_>>(), Some(options))
            .await
            .context("cannot connect to etcd")
    }

    /// Starts a member that does not run.
    ///
    /// # Errors
    ///
    /// There is no such executable.
    pub fn start_member(&mut self, number: usize) -> anyhow::Result<()> {
        let id = self.members[number].start()?;
        self.sources.set(number, id);
        Ok(())
    }

    /// Kills a member with SIGKILL.
    ///
    /// # Errors
    ///
    /// It does not run.
    pub fn kill_member(&mut self, number: usize) -> anyhow::Result<()> {
        self.members[number].process()?.kill()
    }

    /// Ends a member as an operator would.
    ///
    /// # Errors
    ///
    /// It does not run, or does not end.
    pub async fn stop_member(&mut self, number: usize) -> anyhow::Result<()> {
        self.members[number].process()?.stop().await
    }

    /// Stops a member in its tracks.
    ///
    /// # Errors
    ///
    /// It does not run.
    pub fn pause_member(&mut self, number: usize) -> anyhow::Result<()> {
        self.members[number].process()?.pause()
    }

    /// Lets a member go on.
    ///
    /// # Errors
    ///
    /// It does not run.
    pub fn resume_member(&mut self, number: usize) -> anyhow::Result<()> {
        self.members[number].process()?.resume()
    }

    /// Cuts a member off from its peers. Only where [`Settings::cuttable`] was asked for.
    pub fn cut_peers(&self, number: usize) {
        self.peer_cuts.cut(number);
    }

    /// Cuts a member off from its clients, but for [`Etcd::client`].
    pub fn cut_clients(&self, number: usize) {
        self.client_cuts.cut(number);
    }

    /// From now on client `number` is the process `id`: to be said before that one connects.
    pub fn name_client(&self, number: usize, id: u32) {
        self.sources.set(FIRST_CLIENT + number, id);
    }

    /// Cuts one client off from all members.
    pub fn cut_client(&self, number: usize) {
        self.client_cuts.cut(FIRST_CLIENT + number);
    }

    /// Mends all cuts.
    pub fn mend(&self) {
        self.peer_cuts.mend();
        self.client_cuts.mend();
    }

    /// The member that leads.
    ///
    /// # Errors
    ///
    /// There is none by the deadline.
    pub async fn leader(&self) -> anyhow::Result<usize> {
        wait_until("etcd to have a leader", READY, || async {
            let mut seen = Vec::new();
            for (number, member) in self.members.iter().enumerate() {
                match member.leads().await {
                    Ok(true) => return Ok(number),
                    Ok(false) => seen.push("follows".to_owned()),
                    Err(error) => seen.push(format!("{error:#}")),
                }
            }
            Err(seen.join(", "))
        })
        .await
    }

    /// Waits until every member is healthy.
    ///
    /// # Errors
    ///
    /// One is not by the deadline.
    pub async fn wait_healthy(&mut self) -> anyhow::Result<()> {
        for member in &mut self.members {
            member.wait_healthy(READY).await?;
        }
        Ok(())
    }

    /// A counter of the first member's own metrics, summed up over its labels.
    ///
    /// # Errors
    ///
    /// The member does not answer, or has no such counter.
    pub async fn counter(&self, name: &str) -> anyhow::Result<f64> {
        let first = self.members.first().context("etcd without a member")?;
        first.counter(name).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scratch(name: &str) -> std::path::PathBuf {
        std::env::temp_dir().join(format!("trunkline-{name}-{}", std::process::id()))
    }

    #[tokio::test]
    async fn a_leader_cut_off_from_its_peers_is_replaced_and_comes_back() {
        let dir = scratch("etcd-cut");
        let settings = Settings {
            cuttable: true,
            ..Settings::default()
        };
        let mut etcd = Etcd::start(&dir, 3, settings).await.unwrap();
        let old = etcd.leader().await.unwrap();
        let members = etcd.members();

        etcd.cut_peers(old);
        wait_until("another leader", READY, || async {
            let others = (0..members).filter(|&number| number != old);
            for other in others {
                if etcd.members[other].leads().await.is_ok_and(|leads| leads) {
                    return Ok(());
                }
            }
            Err("none")
        })
        .await
        .unwrap();
        etcd.mend();

        etcd.wait_healthy().await.unwrap();
        std::fs::remove_dir_all(&dir).unwrap();
    }

    #[tokio::test]
    async fn a_slow_disk_delays_every_write() {
        const DELAY: Duration = Duration::from_millis(20);
        let dir = scratch("etcd-slow");
        let settings = Settings {
            sync_delay: Some(DELAY),
            ..Settings::default()
        };
        let etcd = Etcd::start(&dir, 1, settings).await.unwrap();
        let mut client = etcd.client().await.unwrap();

        let begun = std::time::Instant::now();
        for _ in 0..10 {
            client.put("a", "b", None).await.unwrap();
        }

        assert!(begun.elapsed() >= 10 * DELAY, "{:?}", begun.elapsed());
        drop(etcd);
        std::fs::remove_dir_all(&dir).unwrap();
    }
}

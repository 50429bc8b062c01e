//! TCP proxies that can be cut like a cable: bytes stop, connections stay, and go on when mended.
//!
//! A firewall would do as much to the host's network as to the test's. A proxy is in the way of
//! nothing but what is told to use it.

use std::net::SocketAddr;
use std::sync::Arc;

use anyhow::Context as _;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::{JoinHandle, JoinSet};

/// Says which two ends a connection has that comes from this address. It is asked once, when the
/// connection comes.
pub type Passage = Arc<dyn Fn(SocketAddr) -> Link + Send + Sync>;

/// Which two ends a connection has: numbers that [`Cuts`] are about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Link {
    /// Who connects; none if that is not known or does not matter.
    pub from: Option<usize>,
    /// Who listens.
    pub to: usize,
}

/// The ends that are cut off from all others.
#[derive(Debug)]
pub struct Cuts(watch::Sender<Vec<usize>>);

impl Cuts {
    /// Without a cut.
    pub fn none() -> Self {
        Self(watch::Sender::new(Vec::new()))
    }

    /// Cuts `end` off.
    pub fn cut(&self, end: usize) {
        self.0.send_modify(|cut| cut.push(end));
    }

    /// Mends everything.
    pub fn mend(&self) {
        self.0.send_modify(Vec::clear);
    }
}

/// A listener that hands connections on; gone with everything it carries when dropped.
#[derive(Debug)]
pub struct Proxy {
    /// Where it listens.
    pub address: SocketAddr,
    accepting: JoinHandle<()>,
}

impl Proxy {
    /// A proxy on a free port in front of `target`.
    ///
    /// # Errors
    ///
    /// There is no free port.
    pub async fn start(target: SocketAddr, passage: Passage, cuts: &Cuts) -> anyhow::Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0))
            .await
            .context("cannot listen for a proxy")?;
        let address = listener.local_addr()?;
        let cuts = cuts.0.subscribe();
        let accepting = tokio::spawn(async move {
            let mut carried = JoinSet::new();
            // A listener on loopback fails only when descriptors run out; the test then fails too.
            while let Ok((inner, peer)) = listener.accept().await {
                carried.spawn(carry(inner, target, passage(peer), cuts.clone()));
                while carried.try_join_next().is_some() {}
            }
        });
        Ok(Self { address, accepting })
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        // The set of what it carries is the task's own, and ends with it.
        self.accepting.abort();
    }
}

async fn carry(
    inner: TcpStream,
    target: SocketAddr,
    link: Link,
    mut cuts: watch::Receiver<Vec<usize>>,
) {
    if !passes(link, &mut cuts).await {
        return;
    }
    let Ok(outer) = TcpStream::connect(target).await else {
        return;
    };
    // Small messages must not wait for more; a socket that refuses still works.
    let _ = (inner.set_nodelay(true), outer.set_nodelay(true));
    let (inner_read, inner_write) = inner.into_split();
    let (outer_read, outer_write) = outer.into_split();
    // When one direction has ended the other may go on, as TCP has it. Cancel-safe: nothing is
    // read again after either is dropped.
    tokio::join!(
        pump(inner_read, outer_write, link, cuts.clone()),
        pump(outer_read, inner_write, link, cuts),
    );
}

async fn pump(
    mut from: OwnedReadHalf,
    mut to: OwnedWriteHalf,
    link: Link,
    mut cuts: watch::Receiver<Vec<usize>>,
) {
    let mut buffer = vec![0; 64 * 1024];
    loop {
        let Ok(count) = from.read(&mut buffer).await else {
            return;
        };
        if !passes(link, &mut cuts).await
            || count == 0
            || to.write_all(&buffer[..count]).await.is_err()
        {
            return;
        }
    }
}

/// Waits until `link` is not cut; false when there is nobody left to mend it.
async fn passes(link: Link, cuts: &mut watch::Receiver<Vec<usize>>) -> bool {
    let ends = [link.from, Some(link.to)];
    cuts.wait_for(|cut| !ends.into_iter().flatten().any(|end| cut.contains(&end)))
        .await
        .is_ok()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[tokio::test]
    async fn what_is_sent_into_a_cut_arrives_when_it_is_mended() {
        let target = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let cuts = Cuts::none();
        let passage: Passage = Arc::new(|_| Link { from: None, to: 7 });
        let proxy = Proxy::start(target.local_addr().unwrap(), passage, &cuts)
            .await
            .unwrap();
        let mut near = TcpStream::connect(proxy.address).await.unwrap();
        let (mut far, _) = target.accept().await.unwrap();
        let mut byte = [0];

        cuts.cut(7);
        near.write_all(b"a").await.unwrap();
        let early = tokio::time::timeout(Duration::from_millis(50), far.read_exact(&mut byte));
        assert!(early.await.is_err(), "{byte:?} came through a cut");

        cuts.mend();
        far.read_exact(&mut byte).await.unwrap();
        assert_eq!(&byte, b"a");
    }

    #[tokio::test]
    async fn another_ends_cut_is_no_matter() {
        let target = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let cuts = Cuts::none();
        cuts.cut(8);
        let link = Link {
            from: Some(6),
            to: 7,
        };
        let address = target.local_addr().unwrap();
        let proxy = Proxy::start(address, Arc::new(move |_| link), &cuts)
            .await
            .unwrap();
        let mut near = TcpStream::connect(proxy.address).await.unwrap();
        let (mut far, _) = target.accept().await.unwrap();

        far.write_all(b"b").await.unwrap();

        let mut byte = [0];
        near.read_exact(&mut byte).await.unwrap();
        assert_eq!(&byte, b"b");
    }
}

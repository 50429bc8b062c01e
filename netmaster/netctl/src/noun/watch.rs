//! `ls --watch`: a list that goes on.

use std::io;
use std::os::fd::AsFd as _;
use std::time::Duration;

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use trunkline_netmaster_api::{ClientError, Query, Watch, WatchEvent};

use super::Noun;
use crate::failure::Failure;
use crate::render::{Stream, remark};
use crate::session::Session;

/// How long the first attempt to connect again is waited for; each one after it twice as long.
const FIRST_PAUSE: Duration = Duration::from_secs(1);

/// The longest pause.
const LONGEST_PAUSE: Duration = Duration::from_secs(16);

/// How often it is looked whether anybody still reads.
const GLANCE: Duration = Duration::from_secs(1);

/// Prints how the objects are, unless a revision says that this is known, and then what changes,
/// for as long as somebody reads.
///
/// # Errors
///
/// [`Failure`] if it cannot begin, or netmaster refuses to go on. That the connection is lost is no
/// failure: it goes on with the revision where it was.
pub(super) async fn follow<N: Noun>(
    session: &Session,
    query: &Query,
    after: Option<u64>,
) -> Result<(), Failure> {
    let mut stream = Stream::of::<N>(session.output);
    let after = match after {
        Some(after) => after,
        None => {
            let list = session.wait(session.client.list::<N>(query)).await?;
            stream.begin(list.items, list.revision)?;
            list.revision
        }
    };
    let mut watch = session.client.watch::<N>(query, Some(after));
    let mut patience = Patience::default();
    loop {
        match next(&mut watch).await? {
            Ok(event) => {
                patience.connected();
                stream.go_on(&event)?;
            }
            Err(error) => patience.wait::<N>(error).await?,
        }
    }
}

/// The next line, unless nobody reads any more.
async fn next<N: Noun>(
    watch: &mut Watch<N>,
) -> Result<Result<WatchEvent<N>, ClientError>, Failure> {
    loop {
        tokio::select! {
            biased;
            // Cancel-safe: what has come is kept.
            next = watch.next() => return Ok(next),
            () = tokio::time::sleep(GLANCE) => {
                if is_closed() {
                    return Err(Failure::Output(io::ErrorKind::BrokenPipe.into()));
                }
            }
        }
    }
}

/// Whether whoever read standard output is gone. A write would tell, but there may be nothing to
/// write for hours.
fn is_closed() -> bool {
    let stdout = io::stdout();
    let mut polled = [PollFd::new(stdout.as_fd(), PollFlags::empty())];
    let gone = PollFlags::POLLERR | PollFlags::POLLHUP | PollFlags::POLLNVAL;
    poll(&mut polled, PollTimeout::ZERO).is_ok()
        && polled[0]
            .revents()
            .is_some_and(|events| events.intersects(gone))
}

/// How long a lost connection is waited for.
#[derive(Debug, Default)]
struct Patience {
    pause: Option<Duration>,
    has_worked: bool,
}

impl Patience {
    fn connected(&mut self) {
        self.pause = None;
        self.has_worked = true;
    }

    /// Waits, if it makes sense to go on after `error`.
    async fn wait<N: Noun>(&mut self, error: ClientError) -> Result<(), Failure> {
        if error.is_compacted() && self.pause.is_none() {
            remark(&format!(
                "what happened meanwhile is no longer known; all {} anew:",
                N::PLURAL
            ));
            self.pause = Some(FIRST_PAUSE);
            return Ok(());
        }
        if !error.is_retryable() || !self.has_worked && self.pause.is_some() {
            return Err(error.into());
        }
        let pause = self.pause.map_or(FIRST_PAUSE, |pause| pause * 2);
        let pause = pause.min(LONGEST_PAUSE);
        if self.pause.is_none() {
            remark(&format!("{error}; going on as soon as it is back"));
        }
        self.pause = Some(pause);
        tokio::time::sleep(pause).await;
        Ok(())
    }
}

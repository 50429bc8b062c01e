//! `netctl import …`

mod batch;
mod csv;

use std::path::PathBuf;

use clap::{Args, Subcommand};
use trunkline_netmaster_api::{
    Changes, ClientError, ImportSpec, Problem, RefusedObject, Retention,
};

use crate::changes::{summary, text};
use crate::failure::{Failure, Progress};
use crate::manifest::read;
use crate::progress::Steps;
use crate::quantity::retention;
use crate::render::no_name;
use crate::session::Session;
use batch::{batches, check_once};
use csv::{Line, lines};

#[derive(Subcommand)]
pub(crate) enum Verb {
    /// Take over who has which address by the books of another IPAM
    Addresses(Addresses),
}

impl Verb {
    pub(crate) async fn run(self, session: &Session) -> Result<(), Failure> {
        match self {
            Self::Addresses(addresses) => addresses.run(session).await,
        }
    }
}

/// Take over who has which address by the books of another IPAM
///
/// The first line of the file names its columns: `ip`, and any of `mac`, `pod` (like shop/db-0),
/// `attachment` (like 4f5e1c/eth0) with its `node`, and `owner`. A pod's addresses become a
/// reservation for it, an address on an interface an endpoint as well; what only has an owner, like
/// a printer, is kept from everybody.
///
/// All of the file is looked through before anything is done. Then it is imported in parts that fit
/// a transaction each; should one of them fail, what was imported before it stays, and the file is
/// imported again: lines that were imported before change nothing.
#[derive(Args)]
#[command(after_help = "Example:\n  \
                        printf 'ip,pod,owner\\n10.1.0.20,shop/db-0,\\n10.1.0.21,,printer\\n' |\n  \
                        netctl import addresses - --dry-run")]
pub(crate) struct Addresses {
    /// The file, as CSV; - for standard input
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// Only print what would become of them
    #[arg(long)]
    dry_run: bool,
    /// How long reservations are kept while their holders are away: forever, until-deleted, or a
    /// time like 24h
    #[arg(long, value_name = "TIME", default_value = "forever", value_parser = retention)]
    retention: Retention,
    /// What the reservations are for
    #[arg(long, value_name = "TEXT", default_value = "")]
    reason: String,
}

impl Addresses {
    async fn run(self, session: &Session) -> Result<(), Failure> {
        let wrong = |why| Failure::Usage(format!("`{}`: {why}", self.file.display()));
        let lines = lines(&read(&self.file)?).map_err(wrong)?;
        check_once(&lines).map_err(wrong)?;
        let total = Some(lines.len());
        let batches = batches(lines);
        let steps = Steps::of("looking through", "lines", total);
        let rehearsal = self.rehearse(session, &batches, &steps);
        let whole = session.go_through(&steps, rehearsal).await?;
        let whole = match self.dry_run {
            true => whole,
            false => {
                let steps = Steps::of("importing", "lines", total);
                let import = self.make(session, &batches, &steps);
                session.go_through(&steps, import).await?
            }
        };
        let people = || format!("{}{}", text(&whole), summary(&whole));
        session
            .output
            .value(&whole, people, || Err(no_name("import addresses")))
    }

    /// What would become of all batches. Everything that stands in the way is told at once.
    async fn rehearse(
        &self,
        session: &Session,
        batches: &[Vec<Line>],
        steps: &Steps,
    ) -> Result<Changes, Failure> {
        let mut whole = nothing(true);
        let mut refused: Option<Box<Problem>> = None;
        for batch in batches {
            match self.send(session, batch, true).await {
                Ok(changes) => whole = after(whole, changes),
                Err(Failure::Objects(_, _, problem)) => match &mut refused {
                    Some(first) => first.objects.extend(problem.objects),
                    None => refused = Some(problem),
                },
                Err(other) => return Err(other),
            }
            steps.add(batch.len());
        }
        match refused {
            Some(problem) => Err(self.in_the_way(problem)),
            None => Ok(whole),
        }
    }

    /// Imports batch after batch, and says how many lines are imported if one of them fails.
    async fn make(
        &self,
        session: &Session,
        batches: &[Vec<Line>],
        steps: &Steps,
    ) -> Result<Changes, Failure> {
        let mut whole = nothing(false);
        let mut done = 0;
        for batch in batches {
            match self.send(session, batch, false).await {
                Ok(changes) => whole = after(whole, changes),
                Err(why) => {
                    return Err(why.half_way(Progress {
                        unit: "line",
                        done,
                        under_way: batch.len(),
                        of: batches.iter().map(Vec::len).sum(),
                        again: "import the file again",
                    }));
                }
            }
            done += batch.len();
            steps.add(batch.len());
        }
        Ok(whole)
    }

    async fn send(
        &self,
        session: &Session,
        batch: &[Line],
        dry_run: bool,
    ) -> Result<Changes, Failure> {
        let spec = ImportSpec {
            addresses: batch.iter().map(|line| line.address.clone()).collect(),
            retention: self.retention,
            reason: self.reason.clone(),
        };
        let sent = session.client.import(&spec, dry_run).await;
        sent.map_err(|error| match error {
            ClientError::Refused(problem) if !problem.objects.is_empty() => {
                self.in_the_way(placed(problem, batch))
            }
            other => other.into(),
        })
    }

    fn in_the_way(&self, problem: Box<Problem>) -> Failure {
        Failure::Objects(self.file.clone(), "line", problem)
    }
}

fn nothing(dry_run: bool) -> Changes {
    Changes {
        dry_run,
        revision: 0,
        objects: Vec::new(),
    }
}

/// All of `whole`, and then `changes`.
fn after(mut whole: Changes, changes: Changes) -> Changes {
    whole.revision = changes.revision;
    whole.objects.extend(changes.objects);
    whole
}

/// The same problem, with lines of the file in the place of those of the batch.
fn placed(mut problem: Box<Problem>, batch: &[Line]) -> Box<Problem> {
    for object in &mut problem.objects {
        object.index = place(object, batch);
    }
    problem
}

/// The number of an object's line, from 0, so that it is printed from 1.
fn place(object: &RefusedObject, batch: &[Line]) -> Option<u32> {
    let index = usize::try_from(object.index?).ok()?;
    u32::try_from(batch.get(index)?.number).ok()?.checked_sub(1)
}

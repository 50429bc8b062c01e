//! `netctl import …`

mod csv;

use std::collections::BTreeMap;
use std::path::PathBuf;

use clap::{Args, Subcommand};
use trunkline_netmaster_api::{
    AdoptedAddress, Changes, ClientError, ImportSpec, Problem, RefusedObject, Retention,
};

use crate::changes::{summary, text};
use crate::failure::Failure;
use crate::manifest::read;
use crate::quantity::retention;
use crate::render::no_name;
use crate::session::Session;
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
/// a printer, is kept from everybody. Lines that were imported before change nothing.
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

/// How many changes go into one request, of the 127 that a transaction has room for.
const CHANGES: usize = 120;

impl Addresses {
    async fn run(self, session: &Session) -> Result<(), Failure> {
        let lines = lines(&read(&self.file)?)
            .map_err(|why| Failure::Usage(format!("`{}`: {why}", self.file.display())))?;
        let batches = batches(lines);
        let whole = self.send(session, &batches, true).await?;
        let whole = match self.dry_run {
            true => whole,
            false => self.send(session, &batches, false).await?,
        };
        let people = || format!("{}{}", text(&whole), summary(&whole));
        session
            .output
            .value(&whole, people, || Err(no_name("import addresses")))
    }

    /// Sends all batches, and answers what becomes of everything. Of a dry run everything that
    /// stands in the way is told at once; else it ends at the first batch that is refused.
    async fn send(
        &self,
        session: &Session,
        batches: &[Vec<Line>],
        dry_run: bool,
    ) -> Result<Changes, Failure> {
        let mut whole = Changes {
            dry_run,
            revision: 0,
            objects: Vec::new(),
        };
        let mut refused: Option<Box<Problem>> = None;
        for batch in batches {
            let spec = ImportSpec {
                addresses: batch.iter().map(|line| line.address.clone()).collect(),
                retention: self.retention,
                reason: self.reason.clone(),
            };
            match session.wait(session.client.import(&spec, dry_run)).await {
                Ok(changes) => {
                    whole.revision = changes.revision;
                    whole.objects.extend(changes.objects);
                }
                Err(Failure::Netmaster(ClientError::Refused(problem)))
                    if !problem.objects.is_empty() =>
                {
                    let placed = placed(problem, batch);
                    match &mut refused {
                        Some(first) => first.objects.extend(placed.objects),
                        None => refused = Some(placed),
                    }
                    if !dry_run {
                        break;
                    }
                }
                Err(other) => return Err(other),
            }
        }
        match refused {
            Some(problem) => Err(Failure::Objects(self.file.clone(), "line", problem)),
            None => Ok(whole),
        }
    }
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

/// The lines in batches that fit into a transaction each. Lines of one pod stay together: its
/// addresses share a reservation.
fn batches(mut lines: Vec<Line>) -> Vec<Vec<Line>> {
    let pod = |line: &Line| line.address.pod.as_ref().map(ToString::to_string);
    let mut firsts = BTreeMap::new();
    for line in &lines {
        if let Some(pod) = pod(line) {
            firsts.entry(pod).or_insert(line.number);
        }
    }
    lines.sort_by_cached_key(|line| {
        let first = pod(line).and_then(|pod| firsts.get(&pod).copied());
        (first.unwrap_or(line.number), line.number)
    });
    let mut batches: Vec<Vec<Line>> = Vec::new();
    let mut weight = 0;
    for line in lines {
        let own = changes(&line.address);
        let last = batches.last().and_then(|batch| batch.last());
        let goes_on = last
            .is_some_and(|last| last.address.pod.is_some() && last.address.pod == line.address.pod);
        match batches.last_mut() {
            Some(batch) if goes_on || weight + own <= CHANGES => {
                batch.push(line);
                weight += own;
            }
            _ => {
                batches.push(vec![line]);
                weight = own;
            }
        }
    }
    batches
}

/// How many objects an address changes at most.
fn changes(address: &AdoptedAddress) -> usize {
    let of_place = if address.attachment.is_some() { 2 } else { 0 };
    let reserved = address.pod.is_some() || address.attachment.is_none();
    of_place + usize::from(reserved)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(text: &str) -> Vec<Line> {
        lines(text).unwrap()
    }

    #[test]
    fn batches_fit_a_transaction_and_keep_pods_together() {
        let mut text = "ip,pod\n10.0.0.1,shop/db-0\n".to_owned();
        for n in 0..300 {
            text.push_str(&format!("10.1.{}.{},shop/web-{n}\n", n / 250, n % 250 + 1));
        }
        text.push_str("fd00::1,shop/db-0\n");
        let batches = batches(parsed(&text));
        assert_eq!(
            batches.iter().map(Vec::len).collect::<Vec<_>>(),
            [120, 120, 62]
        );
        let db = &batches[0][..2];
        assert_eq!(db[0].address.ip.to_string(), "10.0.0.1");
        assert_eq!(db[1].address.ip.to_string(), "fd00::1");
        assert_eq!(db[1].number, 303);
    }

    #[test]
    fn what_is_on_an_interface_takes_more_room() {
        let mut text = "ip,attachment,node,pod\n".to_owned();
        for n in 1..=100 {
            text.push_str(&format!("10.1.0.{n},c{n}/eth0,n1,shop/web-{n}\n"));
        }
        let batches = batches(parsed(&text));
        assert_eq!(
            batches.iter().map(Vec::len).collect::<Vec<_>>(),
            [40, 40, 20]
        );
    }
}

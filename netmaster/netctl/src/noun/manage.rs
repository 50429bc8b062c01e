//! `create`, `set` and `rm`.

use clap::{Args, Subcommand};
use trunkline_netmaster_api::ClientError;

use super::{KeyArg, Look, Managed};
use crate::failure::Failure;
use crate::render::{Format, json, yaml};
use crate::session::Session;

/// What an operator does with a kind.
#[derive(Subcommand)]
pub(crate) enum Manage<N: Managed> {
    #[command(flatten)]
    Look(Look<N>),
    // Their help is that of the noun's own flags.
    Create(Create<N>),
    Set(Set<N>),
    #[command(about = format!("Remove one of the {}", N::PLURAL), long_about = rm::<N>())]
    Rm(Rm<N>),
}

fn rm<N: Managed>() -> String {
    format!("Remove one of the {}\n\n{}", N::PLURAL, N::RM)
}

impl<N: Managed> Manage<N> {
    pub(crate) async fn run(self, session: &Session) -> Result<(), Failure> {
        match self {
            Self::Look(look) => look.run(session).await,
            Self::Create(create) => create.run(session).await,
            Self::Set(set) => set.run(session).await,
            Self::Rm(rm) => rm.run(session).await,
        }
    }
}

#[derive(Args)]
// Its name would be that of what it takes its flags from.
#[group(skip)]
pub(crate) struct Create<N: Managed> {
    #[command(flatten)]
    key: KeyArg<N>,
    #[command(flatten)]
    fields: N::Create,
}

impl<N: Managed> Create<N> {
    async fn run(self, session: &Session) -> Result<(), Failure> {
        let key = self.key.key.clone();
        let spec = N::spec(self.key.key, self.fields);
        let object = session.wait(session.client.create::<N>(&spec)).await?;
        if session.output.is_for_people() {
            return session.output.done::<N>(&key, "created");
        }
        session.output.object(&object)
    }
}

#[derive(Args)]
// Its name would be that of what it takes its flags from.
#[group(skip)]
pub(crate) struct Set<N: Managed> {
    #[command(flatten)]
    key: KeyArg<N>,
    #[command(flatten)]
    changes: N::Set,
    /// Change it only if it is still at this revision. Default: at whatever it is, and once more if
    /// somebody else was quicker
    #[arg(long, value_name = "REVISION")]
    revision: Option<u64>,
}

impl<N: Managed> Set<N> {
    async fn run(self, session: &Session) -> Result<(), Failure> {
        let change = async |session: &Session| {
            let object = session.client.get::<N>(&self.key.key).await?;
            let before = object.current();
            let mut spec = before.clone();
            N::change(&mut spec, &self.changes)?;
            let revision = self.revision.unwrap_or_else(|| object.revision());
            let updated = session.client.update::<N>(&spec, revision).await?;
            Ok((updated, spec != before))
        };
        let again = self.revision.is_none();
        let (updated, is_new) = session.wait(change_twice(session, again, change)).await?;
        let key = &self.key.key;
        match session.output.format {
            Format::Table | Format::Wide if is_new => {
                session.output.done::<N>(key, "changed")?;
                if let Some(text) = N::remark(&updated) {
                    session.output.print(&text)?;
                }
                Ok(())
            }
            Format::Table | Format::Wide => session.output.done::<N>(key, "was so already"),
            Format::Json => session.output.print(&json(&updated)?),
            Format::Yaml => session.output.print(&yaml(&updated)?),
            Format::Name => session.output.print(&format!("{key}\n")),
        }
    }
}

/// Reads, changes and updates; once more if meanwhile somebody else did, and `again` allows it.
pub(crate) async fn change_twice<T>(
    session: &Session,
    again: bool,
    change: impl AsyncFn(&Session) -> Result<T, Failure>,
) -> Result<T, Failure> {
    match change(session).await {
        Err(Failure::Netmaster(error)) if again && is_stale(&error) => change(session).await,
        done => done,
    }
}

fn is_stale(error: &ClientError) -> bool {
    error.current_revision().is_some()
}

#[derive(Args)]
// Its name would be that of what it takes its flags from.
#[group(skip)]
pub(crate) struct Rm<N: Managed> {
    #[command(flatten)]
    key: KeyArg<N>,
    /// Remove it only if it is still at this revision. Default: at whatever it is
    #[arg(long, value_name = "REVISION")]
    revision: Option<u64>,
}

impl<N: Managed> Rm<N> {
    async fn run(self, session: &Session) -> Result<(), Failure> {
        let key = &self.key.key;
        let client = &session.client;
        match self.revision {
            Some(revision) => session.wait(client.delete_at::<N>(key, revision)).await?,
            None => session.wait(client.delete::<N>(key)).await?,
        }
        session.output.done::<N>(key, "removed")
    }
}

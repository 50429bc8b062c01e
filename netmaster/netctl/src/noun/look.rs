//! `ls` and `show`.

use clap::{Args, Subcommand};

use super::filter::Filter;
use super::{KeyArg, Noun, watch};
use crate::failure::Failure;
use crate::session::Session;

/// What there is to be seen of a kind.
#[derive(Subcommand)]
pub(crate) enum Look<N: Noun> {
    #[command(about = format!("List {}", N::PLURAL))]
    Ls(Ls<N>),
    #[command(about = format!("Show one of the {}", N::PLURAL))]
    Show(Show<N>),
}

impl<N: Noun> Look<N> {
    pub(crate) async fn run(self, session: &Session) -> Result<(), Failure> {
        match self {
            Self::Ls(ls) => ls.run(session).await,
            Self::Show(show) => show.run(session).await,
        }
    }
}

#[derive(Args)]
// Its name would be that of what it takes its flags from.
#[group(skip)]
pub(crate) struct Ls<N: Noun> {
    #[command(flatten)]
    filter: Filter<N>,
    /// Go on with what changes, until Ctrl-C; survives the loss of the connection
    #[arg(short, long)]
    watch: bool,
    /// Watch what changed after this revision, without the list
    #[arg(long, value_name = "REVISION", requires = "watch")]
    after: Option<u64>,
}

impl<N: Noun> Ls<N> {
    pub(crate) async fn run(self, session: &Session) -> Result<(), Failure> {
        let query = self.filter.query;
        if self.watch {
            return watch::follow::<N>(session, &query, self.after).await;
        }
        let list = session.wait(session.client.list::<N>(&query)).await?;
        session.output.list(&list.items)
    }
}

#[derive(Args)]
// Its name would be that of what it takes its flags from.
#[group(skip)]
pub(crate) struct Show<N: Noun> {
    #[command(flatten)]
    key: KeyArg<N>,
}

impl<N: Noun> Show<N> {
    pub(crate) async fn run(self, session: &Session) -> Result<(), Failure> {
        let get = session.client.get::<N>(&self.key.key);
        let object = session.wait(get).await?;
        session.output.object(&object)
    }
}

//! `netctl token …`

use std::fs::{self, File, OpenOptions};
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use trunkline_netmaster_api::{Role, Token, TokenCreated, TokenSpec};
use trunkline_types::Name;

use crate::failure::Failure;
use crate::flag::{Given, Many, Needed, flags, parsed};
use crate::noun::{KeyArg, Look, Noun};
use crate::quantity::lifetime;
use crate::render::{Column, Format, Shown, joined, no_name, plain, utc};
use crate::session::Session;

impl Noun for Token {
    const NAME: &'static str = "token";
    const PLURAL: &'static str = "tokens";
    const FIELDS: &'static [&'static str] = &["name", "role", "network", "node"];
    const HAS_LABELS: bool = false;
    const COLUMNS: &'static [Column<Self>] = &[
        Column::new("name", Shown::Always, |token| plain(&token.name)),
        Column::new("role", Shown::Always, |token| plain(token.role)),
        Column::new("networks", Shown::Always, |token| joined(&token.networks)),
        Column::new("nodes", Shown::Always, |token| joined(&token.nodes)),
        Column::new("reusable", Shown::Wide, |token| {
            plain(if token.reusable { "yes" } else { "no" })
        }),
        Column::new("joined", Shown::Wide, |token| joined(&token.joined)),
        Column::new("created", Shown::Wide, |token| utc(token.created)),
        Column::new("expires", Shown::Always, |token| utc(token.expires)),
        Column::new("revision", Shown::Wide, |token| plain(token.revision)),
    ];

    fn key(&self) -> Name {
        self.name.clone()
    }
}

flags! {
    Granted: Role = "role", "ROLE", parsed,
        "What whoever has it may do: admin, operator, viewer, cluster; node is for joining only";
    Reached: Name = "network", "NETWORK", parsed,
        "Network that it is for, and for nothing else (default: for everything)";
    Joining: Name = "node", "NODE", parsed, "Node that may join by it, with the role node";
    Lifetime: u32 = "lifetime", "TIME", lifetime,
        "How long it is good for, like 24h: 60s–366d (default: 90d; with the role node 1d)";
}

#[derive(Subcommand)]
pub(crate) enum Verb {
    #[command(flatten)]
    Look(Look<Token>),
    Create(Create),
    Rm(Rm),
}

/// Create a token, and tell its secret
///
/// The secret is told this once: netmaster keeps nothing by which it could be found out.
#[derive(Args)]
#[command(after_help = "Examples:\n  \
    netctl token create ci --role operator --network blue --lifetime 30d --secret-file ci.token\n  \
    netctl token create rack7 --role node --node n17 --node n18")]
pub(crate) struct Create {
    #[command(flatten)]
    token: KeyArg<Token>,
    #[command(flatten)]
    role: Needed<Granted>,
    #[command(flatten)]
    networks: Many<Reached>,
    #[command(flatten)]
    nodes: Many<Joining>,
    /// Let a node join by it again and again, with another key each time
    #[arg(long)]
    reusable: bool,
    #[command(flatten)]
    lifetime: Given<Lifetime>,
    /// Write the secret to this new file, for its owner only, in place of printing it; it is one for
    /// --token-file
    #[arg(long, value_name = "FILE")]
    secret_file: Option<PathBuf>,
}

/// Remove a token
///
/// From then on it is good for nothing, and watches that were begun with it end.
#[derive(Args)]
pub(crate) struct Rm {
    #[command(flatten)]
    token: KeyArg<Token>,
}

impl Verb {
    pub(crate) async fn run(self, session: &Session) -> Result<(), Failure> {
        match self {
            Self::Look(look) => look.run(session).await,
            Self::Create(create) => create.run(session).await,
            Self::Rm(Rm { token }) => {
                let call = session.client.delete_token(&token.key);
                session.wait(call).await?;
                session.output.done::<Token>(&token.key, "removed")
            }
        }
    }
}

impl Create {
    async fn run(self, session: &Session) -> Result<(), Failure> {
        let spec = TokenSpec {
            name: self.token.key,
            role: self.role.0,
            networks: self.networks.0,
            nodes: self.nodes.0,
            reusable: self.reusable,
            lifetime_seconds: self.lifetime.0,
        };
        let Some(path) = self.secret_file else {
            if session.output.format == Format::Name {
                // Before there is a secret that nobody would have.
                return Err(Failure::Usage(
                    "with `-o name` the secret would be lost: add `--secret-file`, or leave \
                     `-o name` out"
                        .to_owned(),
                ));
            }
            let made = session.wait(session.client.create_token(&spec)).await?;
            return tell(session, &made);
        };
        // Before there is a secret that could not be kept.
        let file = private(&path)?;
        let made = session.wait(session.client.create_token(&spec)).await;
        if made.is_err() {
            // Why there is no token is what matters.
            let _ = fs::remove_file(&path);
        }
        let made = made?;
        keep(file, &made).map_err(|error| Failure::File(path.clone(), error))?;
        if session.output.is_for_people() {
            let what = format!("created, its secret is in `{}`", path.display());
            return session.output.done::<Token>(&made.token.name, &what);
        }
        session.output.object(&made.token)
    }
}

/// Prints a new token with its secret.
fn tell(session: &Session, made: &TokenCreated) -> Result<(), Failure> {
    let (name, secret) = (&made.token.name, made.secret.expose());
    let people =
        || format!("token {name} created, with a secret that is told this once:\n{secret}\n");
    session
        .output
        .value(made, people, || Err(no_name("token create")))
}

/// A new file that nobody else can read.
fn private(path: &Path) -> Result<File, Failure> {
    OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)
        .map_err(|error| Failure::File(path.to_owned(), error))
}

fn keep(mut file: File, made: &TokenCreated) -> std::io::Result<()> {
    writeln!(file, "{}", made.secret.expose())?;
    file.sync_all()
}

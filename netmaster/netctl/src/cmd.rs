//! The commands, one file per noun.

pub(crate) mod address;
pub(crate) mod apply;
pub(crate) mod audit;
pub(crate) mod check;
pub(crate) mod cluster;
pub(crate) mod completion;
pub(crate) mod context;
pub(crate) mod endpoint;
pub(crate) mod event;
pub(crate) mod explain;
pub(crate) mod group;
pub(crate) mod import;
pub(crate) mod man;
pub(crate) mod network;
pub(crate) mod node;
pub(crate) mod pool;
pub(crate) mod profile;
pub(crate) mod reservation;
pub(crate) mod status;
pub(crate) mod subnet;
pub(crate) mod token;
pub(crate) mod top;
pub(crate) mod version;

use std::time::Duration;

use crate::args::{Args, Command};
use crate::failure::Failure;
use crate::render::Output;
use crate::session::Session;
use crate::settings::{Settings, place};

/// Does what `args` ask for.
pub(crate) async fn run(args: Args) -> Result<(), Failure> {
    let output = Output::new(args.output);
    let (flags, env) = (&args.flags, &|name: &str| std::env::var(name).ok());
    match args.command {
        // These need no netmaster.
        Command::Completion(completion) => completion.run(&output),
        Command::Man(man) => man.run(),
        Command::Context(verb) => verb.run(flags, &place(flags, env), &output),
        command => {
            let config = place(flags, env).read()?;
            let settings = Settings::resolve(flags, env, &config)?;
            let patience = flags.timeout.unwrap_or_else(|| patience(&command));
            ask(command, &session(settings, patience, output)?).await
        }
    }
}

/// How many seconds an answer may take if nothing is said. A check looks through all there is, for
/// which netmaster gives itself two minutes.
fn patience(command: &Command) -> u64 {
    match command {
        Command::Check(_) => 150,
        _ => 30,
    }
}

fn session(settings: Settings, patience: u64, output: Output) -> Result<Session, Failure> {
    let client = settings.client()?;
    Ok(Session {
        client: client.with_deadline(Duration::from_secs(patience)),
        output,
        server: settings.server,
    })
}

async fn ask(command: Command, session: &Session) -> Result<(), Failure> {
    match command {
        Command::Network(verb) => verb.run(session).await,
        Command::Subnet(verb) => verb.run(session).await,
        Command::Pool(verb) => verb.run(session).await,
        Command::Group(verb) => verb.run(session).await,
        Command::Profile(verb) => verb.run(session).await,
        Command::Reservation(verb) => verb.run(session).await,
        Command::Address(verb) => verb.run(session).await,
        Command::Endpoint(verb) => verb.run(session).await,
        Command::Node(verb) => verb.run(session).await,
        Command::Event(verb) => verb.run(session).await,
        Command::Token(verb) => verb.run(session).await,
        Command::Audit(verb) => verb.run(session).await,
        Command::Explain(verb) => verb.run(session).await,
        Command::Apply(apply) => apply.run(session).await,
        Command::Diff(diff) => diff.run(session).await,
        Command::Export(export) => export.run(session).await,
        Command::Import(verb) => verb.run(session).await,
        Command::Check(check) => check.run(session).await,
        Command::Status(status) => status.run(session).await,
        Command::Top(verb) => verb.run(session).await,
        Command::Cluster(verb) => verb.run(session).await,
        Command::Version(version) => version.run(session).await,
        // Done before there was a session.
        Command::Context(_) | Command::Completion(_) | Command::Man(_) => Ok(()),
    }
}

//! The commands, one file per noun.

pub(crate) mod endpoint;
pub(crate) mod network;
pub(crate) mod node;
pub(crate) mod subnet;

use trunkline_netmaster_api::Client;

use crate::args::{Args, Noun};
use crate::failure::Failure;
use crate::render::{Format, Render, render_object};

/// Does what `args` ask for, and answers what to print.
pub(crate) async fn run(args: &Args) -> Result<String, Failure> {
    let client = Client::new(&args.server)?;
    match &args.noun {
        Noun::Network(verb) => network::run(verb, &client, args.output).await,
        Noun::Subnet(verb) => subnet::run(verb, &client, args.output).await,
        Noun::Node(verb) => node::run(verb, &client, args.output).await,
        Noun::Endpoint(verb) => endpoint::run(verb, &client, args.output).await,
    }
}

/// What to print of an object that was just created.
fn created<T: Render>(object: &T, name: &str, format: Format) -> Result<String, Failure> {
    match format {
        Format::Table => Ok(format!("{} {name} created\n", T::KIND)),
        Format::Json | Format::Yaml => render_object(object, format),
    }
}

/// What to print of an object that is gone: for programs nothing, the exit code tells.
fn removed<T: Render>(name: &str, format: Format) -> String {
    match format {
        Format::Table => format!("{} {name} removed\n", T::KIND),
        Format::Json | Format::Yaml => String::new(),
    }
}

//! `netctl context …`

use std::path::Path;

use clap::{Args, Subcommand};
use serde::Serialize;
use trunkline_netmaster_api::{Client, ClientError};
use trunkline_types::Name;

use crate::config::{Config, ConfigError, Context, Place};
use crate::failure::Failure;
use crate::render::{Format, Output, Table, json, or_absent, plain, yaml};
use crate::settings::Flags;

#[derive(Subcommand)]
pub(crate) enum Verb {
    /// List all contexts
    ///
    /// The current one has a `*`. Tokens are not shown.
    Ls,
    /// Use a context from now on
    Use(Named),
    /// Begin a context, or change what is given of it
    ///
    /// Takes --server, --ca, --cert, --key and --token-file. The first one is used from then on.
    #[command(after_help = "Example:\n  \
        netctl context set prod --server https://netmaster.example:9630 --ca ca.pem \
        --cert ada.pem --key ada.key")]
    Set(Named),
    /// Remove a context
    Rm(Named),
}

#[derive(Args)]
pub(crate) struct Named {
    /// Name of the context
    name: Name,
}

/// A context as it is shown: without secrets.
#[derive(Serialize)]
struct Row<'a> {
    name: &'a Name,
    current: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    server: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    ca: Option<&'a Path>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cert: Option<&'a Path>,
    #[serde(skip_serializing_if = "Option::is_none")]
    key: Option<&'a Path>,
    #[serde(skip_serializing_if = "Option::is_none")]
    token_file: Option<&'a Path>,
    has_token: bool,
}

impl Verb {
    pub(crate) fn run(self, flags: &Flags, place: &Place, output: &Output) -> Result<(), Failure> {
        match self {
            Self::Ls => list(&place.read()?, output),
            Self::Use(Named { name }) => {
                let mut config = place.read()?;
                known(&config, &name)?;
                config.current = Some(name.clone());
                place.write(&config)?;
                done(output, &name, "is used from now on")
            }
            Self::Set(Named { name }) => {
                let mut config = place.read_if_there()?.unwrap_or_default();
                change(config.contexts.entry(name.clone()).or_default(), flags)?;
                config.current.get_or_insert_with(|| name.clone());
                place.write(&config)?;
                done(output, &name, "set")
            }
            Self::Rm(Named { name }) => {
                let mut config = place.read()?;
                known(&config, &name)?;
                config.contexts.remove(&name);
                config.current = config.current.filter(|current| *current != name);
                place.write(&config)?;
                done(output, &name, "removed")
            }
        }
    }
}

fn known(config: &Config, name: &Name) -> Result<(), ConfigError> {
    let unknown = || ConfigError::UnknownContext { name: name.clone() };
    config.contexts.get(name).map(drop).ok_or_else(unknown)
}

fn done(output: &Output, name: &Name, what: &str) -> Result<(), Failure> {
    match output.format {
        Format::Table | Format::Wide => output.print(&format!("context {name} {what}\n")),
        Format::Json | Format::Yaml | Format::Name => Ok(()),
    }
}

/// Takes over what the flags say. Paths are made absolute: the next command may be given elsewhere.
fn change(context: &mut Context, flags: &Flags) -> Result<(), Failure> {
    if let Some(server) = &flags.server {
        // Refused now rather than with the next command; what else it needs may come later.
        if let Err(error @ ClientError::BaseUrl { .. }) = Client::new(server) {
            return Err(error.into());
        }
        context.server = Some(server.clone());
    }
    for (field, flag) in [
        (&mut context.ca, &flags.ca),
        (&mut context.cert, &flags.cert),
        (&mut context.key, &flags.key),
        (&mut context.token_file, &flags.token_file),
    ] {
        if let Some(path) = flag {
            let absolute = std::path::absolute(path);
            *field = Some(absolute.map_err(|error| Failure::File(path.clone(), error))?);
        }
    }
    if flags.token_file.is_some() {
        context.token = None;
    }
    Ok(())
}

fn list(config: &Config, output: &Output) -> Result<(), Failure> {
    let rows = config.contexts.iter().map(|(name, context)| Row {
        name,
        current: config.current.as_ref() == Some(name),
        server: context.server.as_deref(),
        ca: context.ca.as_deref(),
        cert: context.cert.as_deref(),
        key: context.key.as_deref(),
        token_file: context.token_file.as_deref(),
        has_token: context.token.is_some(),
    });
    let rows: Vec<_> = rows.collect();
    let text = match output.format {
        Format::Table | Format::Wide => table(&rows).text(output.colours),
        Format::Json => json(&rows)?,
        Format::Yaml => yaml(&rows)?,
        Format::Name => rows.iter().map(|row| format!("{}\n", row.name)).collect(),
    };
    output.print(&text)
}

fn table(rows: &[Row<'_>]) -> Table {
    let mut table = Table::with(&["current", "name", "server", "ca", "identity"]);
    for row in rows {
        let ca = row.ca.map(Path::display);
        table.push(vec![
            plain(if row.current { "*" } else { "" }),
            plain(row.name),
            or_absent(row.server.as_ref()),
            or_absent(ca.as_ref()),
            plain(identity(row)),
        ]);
    }
    table
}

/// Who one is to netmaster.
fn identity(row: &Row<'_>) -> String {
    let file = |path: &Path| path.display().to_string();
    match (row.has_token, row.token_file, row.cert) {
        (true, ..) => "token".to_owned(),
        (_, Some(path), _) => format!("token of {}", file(path)),
        (.., Some(path)) => format!("certificate {}", file(path)),
        _ => String::new(),
    }
}

//! Requests to nodes: the answer, as it comes.

use std::fs::File;
use std::io::{IsTerminal as _, Write as _, stdout};
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;
use trunkline_netmaster_api::{AnswerErrorCode, AnswerLine, NodeRequest, NodeRequestSpec};
use trunkline_types::Name;

use crate::failure::Failure;
use crate::render::{Format, json_line, no_name, plain, remark, yaml};
use crate::session::Session;

/// Asks a node's agent, and prints its answer line by line; bytes go to `file`. Who interrupts
/// netctl cancels the request: the agent is told when the connection is gone.
pub(super) async fn ask(
    session: &Session,
    node: &Name,
    spec: &NodeRequestSpec,
    file: Option<&Path>,
) -> Result<(), Failure> {
    let is_capture = matches!(spec.request, NodeRequest::Capture(_));
    if session.output.format == Format::Name {
        return Err(no_name(&format!("node {}", spec.request.kind())));
    }
    if is_capture && file.is_none() && stdout().is_terminal() {
        return Err(Failure::Usage(
            "packets are nothing for a terminal: name a file with `--file`, or pipe them to \
             `tcpdump -r -`"
                .to_owned(),
        ));
    }
    let mut bytes = match file {
        Some(path) => Bytes::File(path, None),
        None => Bytes::Output(session),
    };
    let call = session.client.ask_node(node, spec);
    let mut answer = session.wait(call).await?;
    while let Some(line) = session.wait(answer.next()).await? {
        match line {
            // Standard output has the packets.
            AnswerLine::Item { item } if is_capture => remark(&text(&item)),
            AnswerLine::Item { item } => session.output.print(&piece(session, &item)?)?,
            AnswerLine::Bytes { base64 } => bytes.write(&base64)?,
            AnswerLine::End => {}
            AnswerLine::Error { code, detail } => return Err(Failure::Answer(code, detail)),
        }
    }
    Ok(())
}

/// Where bytes go.
enum Bytes<'a> {
    Output(&'a Session),
    /// It is opened with the first bytes: what is in it outlives a request that is refused.
    File(&'a Path, Option<File>),
}

impl Bytes<'_> {
    fn write(&mut self, base64: &str) -> Result<(), Failure> {
        let bytes = STANDARD.decode(base64).map_err(|_| {
            let detail = "its bytes are not in base64".to_owned();
            Failure::Answer(AnswerErrorCode::AnswerInvalid, detail)
        })?;
        match self {
            Self::Output(session) => session.output.write(&bytes),
            Self::File(path, file) => {
                let failed = |error| Failure::File((*path).to_owned(), error);
                let file = match file {
                    Some(file) => file,
                    None => file.insert(File::create(*path).map_err(failed)?),
                };
                file.write_all(&bytes).map_err(failed)
            }
        }
    }
}

/// A piece of an answer; what it is made of is for the agent to say.
fn piece(session: &Session, item: &Value) -> Result<String, Failure> {
    match session.output.format {
        Format::Yaml => Ok(format!("---\n{}", yaml(item)?)),
        Format::Json => json_line(item),
        Format::Table | Format::Wide | Format::Name => Ok(format!("{}\n", text(item))),
    }
}

/// For people: words as they are, but for what a terminal would obey; an object's fields one a
/// line.
fn text(item: &Value) -> String {
    match item {
        Value::String(text) => {
            let lines: Vec<_> = text.lines().map(escaped).collect();
            lines.join("\n")
        }
        Value::Object(fields) => {
            let lines = fields.iter().map(|(name, value)| match value {
                Value::String(text) => format!("{}: {}", escaped(name), escaped(text)),
                other => format!("{}: {other}", escaped(name)),
            });
            lines.collect::<Vec<_>>().join("\n")
        }
        other => other.to_string(),
    }
}

fn escaped(text: &str) -> String {
    match text {
        "" => String::new(),
        text => plain(text).text,
    }
}

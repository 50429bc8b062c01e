//! `netctl explain …`

mod around;
mod pod;

use clap::Subcommand;
use trunkline_types::Pod;

use crate::failure::Failure;
use crate::session::Session;

#[derive(Subcommand)]
pub(crate) enum Verb {
    Pod(pod::Question),
}

impl Verb {
    pub(crate) async fn run(self, session: &Session) -> Result<(), Failure> {
        match self {
            Self::Pod(question) => question.run(session).await,
        }
    }
}

/// Reads a pod or a workload.
pub(crate) fn parse_pod(text: &str) -> Result<Pod, String> {
    let part = |part: &str| !part.is_empty() && !part.contains('/');
    match text.split_once('/') {
        Some((namespace, name)) if part(namespace) && part(name) => Ok(Pod {
            namespace: namespace.to_owned(),
            name: name.to_owned(),
        }),
        _ => Err(format!(
            "`{text}` is not valid: write it as `<namespace>/<name>`, like `shop/web-0`"
        )),
    }
}

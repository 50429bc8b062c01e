//! `/v1/explain`

mod question;

use axum::Json;
use axum::extract::State;
use trunkline_netmaster_api::{ExplainSpec, Explanation};
use trunkline_types::{LabelKey, LabelValue, Labels, Pod, chain};

use super::extract::Body;
use super::query::Parameters;
use crate::app::App;
use crate::failure::Failure;
use question::Question;

/// The parameters of [`show`].
const PARAMETERS: [&str; 7] = [
    "pod",
    "node",
    "namespace",
    "podLabels",
    "network",
    "pool",
    "profile",
];

pub(super) async fn explain(
    State(app): State<App>,
    parameters: Parameters,
    Body(spec): Body<ExplainSpec>,
) -> Result<Json<Explanation>, Failure> {
    parameters.only(&[])?;
    answer(&app, spec)
}

/// The same with everything in the URL.
pub(super) async fn show(
    State(app): State<App>,
    mut parameters: Parameters,
) -> Result<Json<Explanation>, Failure> {
    let spec = ExplainSpec {
        pod: match parameters.take("pod") {
            Some(text) => Some(pod(&text).map_err(|why| Failure::parameter("pod", &why))?),
            None => None,
        },
        node: parameters.parse("node")?,
        namespace: parameters.parse("namespace")?,
        pod_labels: match parameters.take("podLabels") {
            Some(text) => labels(&text).map_err(|why| Failure::parameter("podLabels", &why))?,
            None => Labels::default(),
        },
        network: parameters.parse("network")?,
        pool: parameters.parse("pool")?,
        profile: parameters.parse("profile")?,
    };
    parameters.only(&PARAMETERS)?;
    answer(&app, spec)
}

fn answer(app: &App, spec: ExplainSpec) -> Result<Json<Explanation>, Failure> {
    let question = Question::of(spec, &app.pods)?;
    app.look(|scene| question.answer(scene)).map(Json)
}

/// A pod as `<namespace>/<name>`.
fn pod(text: &str) -> Result<Pod, String> {
    let part = |part: &str| !part.is_empty() && !part.contains('/');
    match text.split_once('/') {
        Some((namespace, name)) if part(namespace) && part(name) => Ok(Pod {
            namespace: namespace.to_owned(),
            name: name.to_owned(),
        }),
        _ => {
            let text = text.escape_debug();
            Err(format!("`{text}` is no pod: write `<namespace>/<name>`"))
        }
    }
}

/// Labels as `<key>=<value>`, joined by commas.
fn labels(text: &str) -> Result<Labels, String> {
    let labels = text.split(',').filter(|label| !label.trim().is_empty());
    let labels = labels.map(|label| {
        let (key, value) = label.split_once('=').ok_or_else(|| {
            let label = label.escape_debug();
            format!("`{label}` is no label: write `<key>=<value>`, joined by commas")
        })?;
        let key: LabelKey = key.trim().parse().map_err(|error| chain(&error))?;
        let value: LabelValue = value.trim().parse().map_err(|error| chain(&error))?;
        Ok((key, value))
    });
    labels.collect()
}

//! `/v1/explain`

use axum::Json;
use axum::extract::State;
use trunkline_ipam as ipam;
use trunkline_ipam::{Binding, Kind, Miss, Outcome, Subject};
use trunkline_netmaster_api::{Choice, ExplainSpec, Explanation, Rung};
use trunkline_types::{LabelKey, LabelValue, Labels, chain};

use super::extract::Body;
use super::groups::level;
use super::query::Parameters;
use crate::app::App;
use crate::failure::Failure;

/// The parameters of [`show`].
const PARAMETERS: [&str; 6] = [
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
    climb(&app, &spec).map(Json)
}

/// The same with everything in the URL.
pub(super) async fn show(
    State(app): State<App>,
    mut parameters: Parameters,
) -> Result<Json<Explanation>, Failure> {
    let spec = ExplainSpec {
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
    climb(&app, &spec).map(Json)
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

fn climb(app: &App, spec: &ExplainSpec) -> Result<Explanation, Failure> {
    app.look(|scene| {
        let catalog = scene.catalog;
        let node = match &spec.node {
            Some(name) => Some(
                catalog
                    .node(name)
                    .ok_or_else(|| Failure::not_found(Kind::Node, name.as_str()))?,
            ),
            None => None,
        };
        let subject = Subject {
            node: node.map(AsRef::as_ref),
            namespace: spec.namespace.as_ref().map(|namespace| namespace.as_str()),
            labels: &spec.pod_labels,
            network: spec.network.as_ref(),
            pool: spec.pool.as_ref(),
            profile: spec.profile.as_ref(),
        };
        let resolution = ipam::explain(catalog, &subject);
        Ok(Explanation {
            network: resolution.network.map(choice),
            pool: resolution.pool.map(choice),
            profile: resolution.profile.map(choice),
            ladder: resolution.ladder.into_iter().map(rung).collect(),
            revision: catalog.revision().number(),
        })
    })
}

fn choice(choice: ipam::Choice) -> Choice {
    Choice {
        value: choice.value,
        level: level(choice.level),
        group: choice.group,
    }
}

fn rung(rung: ipam::Rung) -> Rung {
    let (why_not, settles) = match rung.outcome {
        Outcome::Missed(miss) => (Some(why(miss).to_owned()), Vec::new()),
        Outcome::Matched { settles } => (None, settles),
    };
    let settles = settles.into_iter().map(|binding| match binding {
        Binding::Network => "network".to_owned(),
        Binding::Pool => "pool".to_owned(),
        Binding::Profile => "profile".to_owned(),
    });
    Rung {
        level: level(rung.level),
        priority: rung.group.as_ref().map(|group| group.priority),
        group: rung.group.map(|group| group.name.clone()),
        matched: why_not.is_none(),
        why_not,
        settles: settles.collect(),
    }
}

fn why(miss: Miss) -> &'static str {
    match miss {
        Miss::SaysNothing => "says_nothing",
        Miss::Namespace => "namespace",
        Miss::Labels => "labels",
        Miss::Node => "node",
    }
}

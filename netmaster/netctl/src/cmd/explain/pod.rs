//! `netctl explain pod`

use clap::Args;
use serde::Serialize;
use trunkline_netmaster_api::{
    Choice, Endpoint, ExplainSpec, Explanation, Node, Query, Reservation, Rung,
};
use trunkline_types::{Labels, Name, Pod};

use super::around::{Candidate, candidates, reservations};
use super::parse_pod;
use crate::cmd::reservation::holder;
use crate::failure::Failure;
use crate::flag::{parse_labels, parsed};
use crate::render::{Cell, Table, joined, no_name, or_absent, pairs, plain};
use crate::session::Session;

/// Explain which network, subnets, pool and profile a pod gets, and why, rule by rule
///
/// The pod need not exist. If it has an endpoint its node is known; its labels are not, so give
/// them. What is not given counts as absent: without a node, no group of nodes is for it.
#[derive(Args)]
#[command(after_help = "Examples:\n  \
                        netctl explain pod shop/web-0 --labels app=web\n  \
                        netctl explain pod --namespace shop --labels app=web --node node1")]
pub(crate) struct Question {
    /// The pod
    #[arg(value_name = "NAMESPACE/NAME", value_parser = parse_pod)]
    pod: Option<Pod>,
    /// The namespace of a pod that has no name yet
    #[arg(long, conflicts_with = "pod")]
    namespace: Option<Name>,
    /// The pod's labels, like `app=web,tier=front`
    #[arg(long, value_name = "KEY=VALUE,…", value_parser = parse_labels)]
    labels: Option<Labels>,
    /// The node it runs on
    #[arg(long)]
    node: Option<Name>,
    /// The network that the pod itself asks for
    #[arg(long)]
    network: Option<Name>,
    /// The pool that the pod itself asks for
    #[arg(long)]
    pool: Option<Name>,
    /// The profile that the pod itself asks for
    #[arg(long)]
    profile: Option<Name>,
}

/// The answer.
#[derive(Serialize)]
struct Answer {
    #[serde(skip_serializing_if = "Option::is_none")]
    pod: Option<Pod>,
    #[serde(skip_serializing_if = "Option::is_none")]
    node: Option<Name>,
    #[serde(flatten)]
    explanation: Explanation,
    /// The network's subnets.
    subnets: Vec<Candidate>,
    /// Those that are for the pod by its name.
    reservations: Vec<Reservation>,
    /// What it has now.
    endpoints: Vec<Endpoint>,
}

impl Question {
    pub(super) async fn run(self, session: &Session) -> Result<(), Failure> {
        let answer = session.wait(self.answer(session)).await?;
        let colours = session.output.colours;
        let people = || answer.text(colours);
        let no_name = || Err(no_name("explain pod"));
        session.output.value(&answer, people, no_name)
    }

    async fn answer(self, session: &Session) -> Result<Answer, Failure> {
        let client = &session.client;
        let endpoints = match &self.pod {
            Some(pod) => {
                let query = Query::field("pod", &pod.to_string());
                client.list::<Endpoint>(&query).await?.items
            }
            None => Vec::new(),
        };
        let of_pod = self.pod.as_ref().map(|pod| parsed::<Name>(&pod.namespace));
        let of_pod = of_pod.transpose().map_err(Failure::Usage)?;
        let runs_on = endpoints.first().map(|endpoint| endpoint.node.clone());
        let spec = ExplainSpec {
            node: self.node.or(runs_on),
            namespace: of_pod.or(self.namespace),
            pod_labels: self.labels.unwrap_or_default(),
            network: self.network,
            pool: self.pool,
            profile: self.profile,
        };
        let explanation = client.explain(&spec).await?;
        let node = match &spec.node {
            Some(name) => Some(client.get::<Node>(name).await?),
            None => None,
        };
        Ok(Answer {
            subnets: candidates(client, &explanation, node.as_ref()).await?,
            reservations: reservations(client, self.pod.as_ref()).await?,
            pod: self.pod,
            node: spec.node,
            explanation,
            endpoints,
        })
    }
}

impl Answer {
    fn text(&self, colours: bool) -> String {
        let mut text = pairs(self.summary(), colours);
        text.push('\n');
        text.push_str(&ladder(&self.explanation.ladder).text(colours));
        if !self.subnets.is_empty() {
            text.push('\n');
            text.push_str(&subnets(&self.subnets).text(colours));
        }
        text
    }

    fn summary(&self) -> Vec<(&'static str, Cell)> {
        let Explanation {
            network,
            pool,
            profile,
            ..
        } = &self.explanation;
        let usable = self.subnets.iter().filter(|one| one.usable == Some(true));
        let reservations = self.reservations.iter();
        let reservations =
            reservations.map(|one| format!("{}, for {}", one.name, holder(&one.holder)));
        let has = self.endpoints.iter().flat_map(|endpoint| {
            let addresses = endpoint.addresses.iter();
            addresses.map(|one| format!("{} of network {}", one.ip, endpoint.network))
        });
        vec![
            ("pod", or_absent(self.pod.as_ref())),
            ("node", or_absent(self.node.as_ref())),
            (
                "network",
                chosen(network.as_ref()).alarming_if(network.is_none()),
            ),
            ("subnets", joined(usable.map(|one| &one.subnet))),
            ("pool", chosen(pool.as_ref())),
            ("profile", chosen(profile.as_ref())),
            ("reservation", joined(reservations)),
            ("has now", joined(has)),
        ]
    }
}

/// A value, and who says so.
fn chosen(choice: Option<&Choice>) -> Cell {
    let text = choice.map(|choice| match &choice.group {
        Some(group) => format!(
            "{}, by group {group} ({})",
            choice.value,
            choice.level.as_str()
        ),
        None => format!("{}, by the pod itself", choice.value),
    });
    or_absent(text.as_ref())
}

fn ladder(rungs: &[Rung]) -> Table {
    let mut table = Table::with(&["level", "group", "priority", "for it", "settles"]);
    for rung in rungs {
        let why_not = rung.why_not.as_deref().map(why_not);
        let matched = match (rung.matched, why_not) {
            (true, _) => "yes".to_owned(),
            (false, Some(why)) => format!("no: {why}"),
            (false, None) => "no".to_owned(),
        };
        table.push(vec![
            plain(rung.level.as_str()),
            or_absent(rung.group.as_ref()),
            or_absent(rung.priority.as_ref()),
            plain(matched),
            joined(&rung.settles),
        ]);
    }
    table
}

/// The API's word in words; one of a newer netmaster as it is.
fn why_not(code: &str) -> &str {
    match code {
        "says_nothing" => "it names nothing",
        "namespace" => "another namespace",
        "labels" => "other labels",
        "node" => "another node, or not known",
        other => other,
    }
}

fn subnets(candidates: &[Candidate]) -> Table {
    let mut table = Table::with(&["subnet", "cidr", "usable", "because"]);
    for one in candidates {
        let usable = match one.usable {
            Some(true) => "yes",
            Some(false) => "no",
            None => "-",
        };
        table.push(vec![
            plain(&one.subnet),
            plain(one.cidr),
            plain(usable),
            plain(&one.because),
        ]);
    }
    table
}

//! `netctl explain pod`

use clap::Args;
use serde::Serialize;
use trunkline_netmaster_api::{
    Choice, Endpoint, ExplainSpec, Explanation, Node, PodExistence, Query, Reservation, Rung,
};
use trunkline_types::{Labels, Name, Pod};

use super::around::{Candidate, candidates};
use super::parse_pod;
use crate::cmd::reservation::holder;
use crate::failure::Failure;
use crate::flag::parse_labels;
use crate::render::{Cell, Table, joined, labels, no_name, or_absent, pairs, plain};
use crate::session::Session;

/// Explain which network, subnets, pool and profile a pod gets, and why, rule by rule
///
/// The pod need not exist. What is not given of a pod is what Kubernetes has of it: its labels, its
/// node, what it is one of, and what it asks for itself. Without Kubernetes its node is known if it
/// has an endpoint, and its labels are not, so give them. What nobody knows counts as absent:
/// without a node, no group of nodes is for it.
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
    #[serde(flatten)]
    explanation: Explanation,
    /// The network's subnets.
    subnets: Vec<Candidate>,
    /// What it has now.
    endpoints: Vec<Endpoint>,
    /// Whether whoever asks has said what the labels are.
    #[serde(skip)]
    labels_given: bool,
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
        let pod_labels = self.labels.unwrap_or_default();
        let labels_given = !pod_labels.is_empty();
        let spec = ExplainSpec {
            pod: self.pod.clone(),
            node: self.node,
            namespace: self.namespace,
            pod_labels,
            network: self.network,
            pool: self.pool,
            profile: self.profile,
        };
        let explanation = client.explain(&spec).await?;
        let node = match &explanation.node {
            Some(name) => Some(client.get::<Node>(name).await?),
            None => None,
        };
        Ok(Answer {
            subnets: candidates(client, &explanation, node.as_ref()).await?,
            pod: self.pod,
            explanation,
            endpoints,
            labels_given,
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
            node,
            refusal,
            ..
        } = &self.explanation;
        let usable = self.subnets.iter().filter(|one| one.usable == Some(true));
        let mut summary = vec![
            ("pod", self.pod()),
            ("labels", self.labels()),
            ("node", or_absent(node.as_ref())),
            (
                "network",
                chosen(network.as_ref()).alarming_if(network.is_none()),
            ),
            ("subnets", joined(usable.map(|one| &one.subnet))),
            ("pool", chosen(pool.as_ref())),
            ("profile", chosen(profile.as_ref())),
            ("reservation", self.reservations()),
            ("has now", joined(self.endpoints.iter().flat_map(held))),
        ];
        if let Some(why) = refusal {
            summary.push(("gets nothing", plain(why).alarming_if(true)));
        }
        summary
    }

    /// The pod, and whether there is one of that name.
    fn pod(&self) -> Cell {
        let Some(pod) = &self.pod else {
            return or_absent(None::<&Pod>);
        };
        match self.explanation.orchestrator {
            Some(PodExistence::There) => plain(pod),
            Some(PodExistence::Absent) => {
                plain(format!("{pod}, which Kubernetes does not have")).alarming_if(true)
            }
            Some(PodExistence::Unknown) => plain(format!(
                "{pod}, of which Kubernetes says nothing at the moment"
            )),
            None if self.endpoints.is_empty() => plain(format!("{pod}, which has no endpoint")),
            None => plain(pod),
        }
    }

    /// The labels, and who says so.
    fn labels(&self) -> Cell {
        let Some(known) = &self.explanation.pod_labels else {
            return plain("not known: give them with --labels").alarming_if(true);
        };
        let text = labels(known);
        match self.pod.is_some() && !self.labels_given {
            true => plain(format!("{}, by Kubernetes", text.text)),
            false => text,
        }
    }

    /// What is reserved for it, and where that is of no use to it.
    fn reservations(&self) -> Cell {
        let network = self.explanation.network.as_ref();
        let network = network.map(|choice| &choice.value);
        let told = |one: &Reservation| match network == Some(&one.network) {
            true => format!("{}, for {}", one.name, holder(&one.holder)),
            false => format!(
                "{}, for {}, but on network {}",
                one.name,
                holder(&one.holder),
                one.network
            ),
        };
        joined(self.explanation.reservations.iter().map(told))
    }
}

/// What an endpoint has.
fn held(endpoint: &Endpoint) -> impl Iterator<Item = String> {
    let profile = endpoint.qos.as_ref();
    let profile = profile.map(|qos| format!(", with profile {}", qos.profile));
    let reservation = endpoint.reservation.as_ref();
    let reservation = reservation.map(|name| format!(", by reservation {name}"));
    let more = [profile, reservation]
        .map(Option::unwrap_or_default)
        .concat();
    let addresses = endpoint.addresses.iter();
    addresses.map(move |one| format!("{} of network {}{more}", one.ip, endpoint.network))
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
        "namespace_unknown" => "namespace not known",
        "labels" => "other labels",
        "labels_unknown" => "labels not known",
        "node" => "another node",
        "node_unknown" => "node not known",
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

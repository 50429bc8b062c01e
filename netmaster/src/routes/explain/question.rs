//! What a pod gets, with what is known of the pod where the question does not say it.

use std::sync::Arc;

use trunkline_ipam as ipam;
use trunkline_ipam::{Binding, Catalog, Holder, Kind, Miss, Node, Object, Outcome, Subject};
use trunkline_netmaster_api::{Choice, ExplainSpec, Explanation, PodExistence, Reservation, Rung};
use trunkline_types::{Labels, Name, Pod};

use crate::failure::Failure;
use crate::orchestrator::{Facts, Known, Pods};
use crate::routes::groups::level;
use crate::routes::noun::{Noun as _, Scene};
use crate::routes::reservations::Reservations;

/// A question, filled in with what the orchestrator has of the pod.
#[derive(Debug)]
pub(super) struct Question {
    spec: ExplainSpec,
    /// None if nobody knows them.
    labels: Option<Labels>,
    /// The node that the orchestrator has given the pod to.
    on: Option<String>,
    workload: Option<Holder>,
    existence: Option<PodExistence>,
    refusal: Option<String>,
}

impl Question {
    pub(super) fn of(spec: ExplainSpec, pods: &Pods) -> Result<Self, Failure> {
        let given = (!spec.pod_labels.is_empty()).then(|| spec.pod_labels.clone());
        let question = Self {
            spec,
            labels: given,
            on: None,
            workload: None,
            existence: None,
            refusal: None,
        };
        let Some(pod) = question.spec.pod.clone() else {
            // A pod that nobody named has the labels that it is said to have.
            return Ok(Self {
                labels: Some(question.spec.pod_labels.clone()),
                ..question
            });
        };
        let namespace = question.spec.namespace.as_ref();
        if namespace.is_some_and(|one| one.as_str() != pod.namespace) {
            let why = format!("it is another one than that of pod `{pod}`: leave it out");
            return Err(Failure::field("namespace", &why));
        }
        Ok(match pods.known(&pod) {
            Known::Unasked => question,
            Known::Unknown => question.about_one_that_is(PodExistence::Unknown),
            Known::Absent => question.about_one_that_is(PodExistence::Absent),
            Known::There { node, facts } => Self {
                on: node,
                ..question
                    .about_one_that_is(PodExistence::There)
                    .filled_in(&pod, *facts)
            },
        })
    }

    fn about_one_that_is(self, existence: PodExistence) -> Self {
        Self {
            existence: Some(existence),
            ..self
        }
    }

    /// The same, with what decides what the pod gets: as when an agent asks for it.
    fn filled_in(mut self, pod: &Pod, facts: Facts) -> Self {
        for (wish, annotation) in [
            (&mut self.spec.network, Facts::NETWORK),
            (&mut self.spec.pool, Facts::POOL),
            (&mut self.spec.profile, Facts::PROFILE),
        ] {
            if wish.is_none() {
                match facts.wish(annotation) {
                    Ok(name) => *wish = name,
                    Err(wrong) => self.refusal = Some(wrong.to_string()),
                }
            }
        }
        let workload = facts.workloads.into_iter().next();
        Self {
            labels: self.labels.or(Some(facts.labels)),
            workload: workload.or_else(|| Some(Holder::Pod(pod.clone()))),
            ..self
        }
    }

    pub(super) fn answer(&self, scene: &Scene<'_>) -> Result<Explanation, Failure> {
        let catalog = scene.catalog;
        let node = self.node(catalog)?;
        let none = Labels::default();
        let spec = &self.spec;
        let subject = Subject {
            node: node.map(AsRef::as_ref),
            namespace: self.namespace(),
            labels: self.labels.as_ref().unwrap_or(&none),
            network: spec.network.as_ref(),
            pool: spec.pool.as_ref(),
            profile: spec.profile.as_ref(),
        };
        let resolution = ipam::explain(catalog, &subject);
        let ladder = resolution.ladder.into_iter();
        let ladder = ladder.map(|one| self.rung(one, node.is_some()));
        Ok(Explanation {
            network: resolution.network.map(choice),
            pool: resolution.pool.map(choice),
            profile: resolution.profile.map(choice),
            ladder: ladder.collect(),
            node: node.map(|node| node.name.clone()),
            pod_labels: self.labels.clone(),
            orchestrator: self.existence,
            refusal: self.refusal.clone(),
            reservations: self.reservations(scene),
            revision: catalog.revision().number(),
        })
    }

    /// The node that the question names, else the one that the orchestrator has given the pod to,
    /// else the one that an endpoint of the pod is on.
    fn node<'a>(&self, catalog: &'a Catalog) -> Result<Option<&'a Arc<Node>>, Failure> {
        if let Some(name) = &self.spec.node {
            let node = catalog.node(name).map(Some);
            return node.ok_or_else(|| Failure::not_found(Kind::Node, name.as_str()));
        }
        let given = self.on.as_ref().and_then(|on| on.parse::<Name>().ok());
        let known = given.or_else(|| {
            let pod = self.spec.pod.as_ref()?;
            let mut endpoints = catalog.endpoints();
            let endpoint = endpoints.find(|one| one.pod.as_ref() == Some(pod))?;
            Some(endpoint.node.clone())
        });
        Ok(known.and_then(|name| catalog.node(&name)))
    }

    fn namespace(&self) -> Option<&str> {
        match &self.spec.pod {
            Some(pod) => Some(&pod.namespace),
            None => self.spec.namespace.as_ref().map(|one| one.as_str()),
        }
    }

    fn reservations(&self, scene: &Scene<'_>) -> Vec<Reservation> {
        let Some(pod) = &self.spec.pod else {
            return Vec::new();
        };
        let workload = self.workload.as_ref();
        let found = ipam::reservations_of_pod(scene.catalog, pod, workload, scene.now);
        let views = found
            .into_iter()
            .filter_map(|one| Reservations::view(scene, &Object::Reservation(one.clone())));
        views.collect()
    }

    fn rung(&self, rung: ipam::Rung, knows_node: bool) -> Rung {
        let (why_not, settles) = match rung.outcome {
            Outcome::Missed(miss) => (Some(self.why(miss, knows_node).to_owned()), Vec::new()),
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

    /// What does not fit, or is not known.
    fn why(&self, miss: Miss, knows_node: bool) -> &'static str {
        match miss {
            Miss::SaysNothing => "says_nothing",
            Miss::Namespace if self.namespace().is_none() => "namespace_unknown",
            Miss::Namespace => "namespace",
            Miss::Labels if self.labels.is_none() => "labels_unknown",
            Miss::Labels => "labels",
            Miss::Node if !knows_node => "node_unknown",
            Miss::Node => "node",
        }
    }
}

fn choice(choice: ipam::Choice) -> Choice {
    Choice {
        value: choice.value,
        level: level(choice.level),
        group: choice.group,
    }
}

#[cfg(test)]
mod tests;

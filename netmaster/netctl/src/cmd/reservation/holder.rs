//! Whom addresses are for.

use clap::Args;
use trunkline_netmaster_api::{Holder, HolderKind};
use trunkline_types::Pod;

use crate::cmd::explain::parse_pod;

/// The holder of a new reservation: one of the three.
#[derive(Args)]
#[group(required = true, multiple = false)]
pub(super) struct HolderGiven {
    /// For the pod of that name, which gets all of them
    #[arg(long, value_name = "NAMESPACE/NAME", value_parser = parse_pod)]
    pod: Option<Pod>,
    /// For the pods of a StatefulSet, each of which gets the one at its ordinal
    #[arg(long, value_name = "NAMESPACE/NAME", value_parser = parse_pod)]
    stateful_set: Option<Pod>,
    /// For the pods of another workload, each of which gets any of them
    #[arg(long, value_name = "NAMESPACE/NAME", value_parser = parse_pod)]
    workload: Option<Pod>,
}

impl HolderGiven {
    /// The one that was given; clap sees to it that it is one.
    pub(super) fn holder(self) -> Holder {
        let pod = self.pod.map(|pod| (HolderKind::Pod, pod));
        let set = self.stateful_set.map(|set| (HolderKind::StatefulSet, set));
        let workload = self.workload.map(|one| (HolderKind::Workload, one));
        let (kind, Pod { namespace, name }) = pod.or(set).or(workload).unwrap_or_else(|| {
            let none = Pod {
                namespace: String::new(),
                name: String::new(),
            };
            (HolderKind::Pod, none)
        });
        Holder {
            kind,
            namespace,
            name,
        }
    }
}

/// Another holder, or none given.
#[derive(Args)]
pub(super) struct HolderChanged {
    /// For this pod from now on, which gets all of them
    #[arg(long, value_name = "NAMESPACE/NAME", value_parser = parse_pod, group = "holder")]
    pod: Option<Pod>,
    /// For the pods of this StatefulSet from now on, each of which gets the one at its ordinal
    #[arg(long, value_name = "NAMESPACE/NAME", value_parser = parse_pod, group = "holder")]
    stateful_set: Option<Pod>,
    /// For the pods of this workload from now on, each of which gets any of them
    #[arg(long, value_name = "NAMESPACE/NAME", value_parser = parse_pod, group = "holder")]
    workload: Option<Pod>,
}

impl HolderChanged {
    pub(super) fn apply(&self, holder: &mut Holder) {
        let given = [
            (HolderKind::Pod, &self.pod),
            (HolderKind::StatefulSet, &self.stateful_set),
            (HolderKind::Workload, &self.workload),
        ];
        for (kind, pod) in given {
            if let Some(pod) = pod {
                *holder = Holder {
                    kind,
                    namespace: pod.namespace.clone(),
                    name: pod.name.clone(),
                };
            }
        }
    }
}

/// A holder as people see it.
pub(crate) fn written(holder: &Holder) -> String {
    let kind = match holder.kind {
        HolderKind::Pod => "pod",
        HolderKind::StatefulSet => "stateful set",
        HolderKind::Workload => "workload",
    };
    format!("{kind} {}/{}", holder.namespace, holder.name)
}

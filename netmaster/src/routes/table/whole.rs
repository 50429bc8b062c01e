//! Many objects at once, and how the whole is.

use axum::http::{Method, StatusCode};
use trunkline_netmaster_api::{
    Apply, Changes, Check, Cluster, ExplainSpec, Explanation, Export, ImportSpec, Refusals,
    RepairSpec, Repairs, Status, Usage,
};

use super::super::access::{ADMINS, OPERATORS, READERS, READERS_AND_AGENTS};
use super::super::operation::{Described, Operation, Parameter};
use super::super::parameter::{boolean, limit, number, query, string};
use super::super::watch::MEDIA_TYPE;
use super::super::{audit, backup, bulk, check, cluster, explain, health, metrics, status};

/// Many objects at once.
pub(super) fn of_many() -> Vec<Operation> {
    const TAG: &str = "bulk";
    let dry_run = || {
        query(
            "dryRun",
            "Change nothing, and answer what would become of the objects",
            boolean(),
        )
    };
    let selector = query(
        "labelSelector",
        "What their labels must be, as in Kubernetes: `app=web,tier in (front,back),!legacy`",
        string(),
    );
    vec![
        Operation::new(Method::POST, "/v1/apply", bulk::apply)
            .allows(OPERATORS)
            .of_networks()
            .about(TAG, "Makes objects what a list says, all of them or none")
            .with([dry_run()])
            .with(of_apply())
            .takes(Described::of::<Apply>())
            .answers(
                StatusCode::OK,
                "What became of them",
                Described::of::<Changes>(),
            ),
        Operation::new(Method::GET, "/v1/export", bulk::export)
            .allows(READERS)
            .of_networks()
            .about(
                TAG,
                "All objects that operators manage, as `apply` takes them",
            )
            .with([selector])
            .answers(
                StatusCode::OK,
                "As they are at one moment",
                Described::of::<Export>(),
            ),
        Operation::new(Method::POST, "/v1/import", bulk::import)
            .allows(OPERATORS)
            .of_networks()
            .about(
                TAG,
                "Takes allocations of another IPAM over, all of them or none",
            )
            .with([dry_run()])
            .takes(Described::of::<ImportSpec>())
            .answers(
                StatusCode::OK,
                "What became of them",
                Described::of::<Changes>(),
            ),
    ]
}

/// What an apply may say beside its objects and that it is a dry run.
fn of_apply() -> [Parameter; 3] {
    let prune = query(
        "prune",
        "Delete the objects that are not in the list and whose labels match this; if left out, \
         none",
        string(),
    );
    let in_parts = query(
        "inParts",
        "With `dryRun`: all of it need not fit into one change, since it is to be made in several",
        boolean(),
    );
    let seen = query(
        "revision",
        "Refuse it if what operators manage was changed after this revision, which is that of a \
         dry run",
        number(),
    );
    [in_parts, prune, seen]
}

/// Whether all is well.
pub(super) fn of_status() -> Vec<Operation> {
    vec![
        Operation::new(Method::GET, "/v1/status", status::show)
            .allows(READERS)
            .about("status", "How the whole is, in one look")
            .answers(StatusCode::OK, "As it is", Described::of::<Status>()),
        Operation::new(Method::GET, "/v1/usage", status::usage)
            .allows(READERS)
            .of_networks()
            .about("status", "How full subnets are, the fullest first")
            .with([limit()])
            .answers(StatusCode::OK, "As they are", Described::of::<Usage>()),
        Operation::new(Method::GET, "/v1/check", check::show)
            .allows(READERS)
            .about(
                "check",
                "Whether store, nodes and reservations agree with each other",
            )
            .with([query("safe", "Only what is safe to repair", boolean())])
            .answers(
                StatusCode::OK,
                "What does not agree",
                Described::of::<Check>(),
            ),
        Operation::new(Method::POST, "/v1/check/repair", check::repair)
            .allows(OPERATORS)
            .about("check", "Repairs what was found, as far as that is safe")
            .takes(Described::of::<RepairSpec>())
            .answers(
                StatusCode::OK,
                "What became of it",
                Described::of::<Repairs>(),
            ),
    ]
}

/// Which cluster it is, and what pods of it would be bound to.
pub(super) fn of_cluster() -> Vec<Operation> {
    vec![
        Operation::new(Method::GET, "/v1/cluster", cluster::show)
            .allows(READERS_AND_AGENTS)
            .of_networks()
            .about("cluster", "Which cluster it is, and who leads")
            .answers(StatusCode::OK, "As it is", Described::of::<Cluster>()),
        Operation::new(Method::POST, "/v1/cluster/refusals", audit::take_over)
            .for_replicas()
            .about("cluster", "Records what a follower refused; for replicas")
            .takes(Described::of::<Refusals>())
            .answers_nothing("Recorded, unless there were too many"),
        Operation::new(Method::GET, "/v1/explain", explain::show)
            .allows(READERS)
            .about("explain", "What a pod would be bound to, and why")
            .with([
                query(
                    "pod",
                    "The pod, as `<namespace>/<name>`; what is not said of it is looked up",
                    string(),
                ),
                query("node", "The node it runs on", string()),
                query("namespace", "Its namespace", string()),
                query(
                    "podLabels",
                    "Its labels, like `app=web,tier=front`",
                    string(),
                ),
                query("network", "The network that it itself asks for", string()),
                query("pool", "The pool that it itself asks for", string()),
                query("profile", "The profile that it itself asks for", string()),
            ])
            .answers(StatusCode::OK, "The ladder", Described::of::<Explanation>()),
        Operation::new(Method::POST, "/v1/explain", explain::explain)
            .allows(READERS)
            .about(
                "explain",
                "What a pod would be bound to, and why; changes nothing",
            )
            .takes(Described::of::<ExplainSpec>())
            .answers(StatusCode::OK, "The ladder", Described::of::<Explanation>()),
    ]
}

/// All of it as text, for programs that watch over it.
pub(super) fn of_the_whole() -> Vec<Operation> {
    let text = || Described::inline::<String>();
    vec![
        Operation::new(Method::GET, "/v1/backup", backup::show)
            .allows(ADMINS)
            .about(
                "backup",
                "All that is in the store, as `netmaster restore` takes it",
            )
            .answers_as(StatusCode::OK, "The back-up", MEDIA_TYPE, Some(text())),
        Operation::new(Method::GET, "/metrics", metrics::show)
            .allows(READERS)
            .about("health", "What is counted and measured, for Prometheus")
            .answers_as(
                StatusCode::OK,
                "OpenMetrics",
                crate::metrics::MEDIA_TYPE,
                Some(text()),
            ),
        Operation::new(Method::GET, "/healthz", health::healthz)
            .open()
            .about("health", "Whether the process answers")
            .answers_as(StatusCode::OK, "It does", "text/plain", Some(text())),
        Operation::new(Method::GET, "/readyz", health::readyz)
            .open()
            .about("health", "Whether requests of all kinds are served")
            .answers_as(StatusCode::OK, "They are", "text/plain", Some(text())),
    ]
}

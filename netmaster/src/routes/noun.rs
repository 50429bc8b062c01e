//! What the kinds of objects have in common: shown, listed, created, updated and deleted alike.

use std::marker::PhantomData;

use axum::Json;
use axum::extract::{FromRequestParts, State};
use axum::http::StatusCode;
use axum::http::request::Parts;
use serde::Serialize;
use serde::de::DeserializeOwned;
use tracing::info;
use trunkline_ipam::Key;
use trunkline_ipam::{
    Catalog, Change, Kind, Ledger, Object, Planned, Policy, Revision, Step, Timestamp,
};
use trunkline_netmaster_api::{ErrorCode, Update};
use trunkline_types::{Labels, Name};
use utoipa::ToSchema;

use super::access::Caller;
use super::extract::{Body, PathSegments, key_at};
use super::field::Field;
use super::query::{Parameters, Selection};
use super::signed::Signature;
use crate::app::App;
use crate::clock::now;
use crate::failure::Failure;

/// What views are made of.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Scene<'a> {
    pub(crate) catalog: &'a Catalog,
    pub(crate) policy: &'a Policy,
    pub(crate) now: Timestamp,
}

/// A kind of object that is shown, listed and watched.
pub(crate) trait Noun: Send + Sync + 'static {
    /// Which kind.
    const KIND: Kind;
    /// The kind in the URL.
    const PATH: &'static str;
    /// What goes over the wire.
    type View: Serialize + ToSchema + Send;
    /// What `fieldSelector` may name.
    const FIELDS: &'static [Field<Self::View>];

    /// The field that names the node that an object belongs to; none if they belong to no node. An
    /// agent sees those of its own node only.
    const OWNER: Option<&'static str> = None;

    /// The node that `object` belongs to, which is what the view has in that field.
    fn owner(_: &Object) -> Option<&Name> {
        None
    }

    /// The view of `object`; none if it is of another kind, or if what it refers to is gone. The
    /// latter does not happen to an object that is in the catalog.
    fn view(scene: &Scene<'_>, object: &Object) -> Option<Self::View>;

    /// What `labelSelector` looks at; none if the kind has no labels.
    fn labels(object: &Object) -> Option<&Labels>;

    /// The objects of the kind that `selection` may be about: where a field is indexed, fewer than
    /// all.
    fn candidates<'a>(
        scene: &Scene<'a>,
        _selection: &Selection,
    ) -> Box<dyn Iterator<Item = Object> + 'a> {
        scene.catalog.objects_after(Self::KIND, None)
    }
}

/// A kind of object that operators create, update and delete.
pub(crate) trait Managed: Noun {
    /// What is wanted, as it goes over the wire.
    type Spec: DeserializeOwned + ToSchema + Send;
    /// What is wanted, as it is planned with.
    type Wanted: Send + 'static;
    /// What an update is answered.
    type Updated: Serialize + ToSchema + Send + 'static;

    /// What is wanted, as far as that can be told without looking at other objects.
    fn wanted(spec: Self::Spec) -> Result<Self::Wanted, Failure>;

    /// What names the object that is wanted.
    fn key(wanted: &Self::Wanted) -> Key;

    /// The network that it is to be of; none if the kind has none, or what leads to it is not
    /// there.
    fn network(_: &Catalog, _: &Self::Wanted) -> Option<Name> {
        None
    }

    fn create(
        ledger: &Ledger,
        wanted: &Self::Wanted,
        now: Timestamp,
    ) -> Result<(Object, Change), Failure>;

    fn update(
        scene: &Scene<'_>,
        ledger: &Ledger,
        wanted: &Self::Wanted,
        revision: Revision,
    ) -> Result<(Self::Updated, Change), Failure>;

    fn delete(
        ledger: &Ledger,
        key: &Key,
        expected: Option<Revision>,
        now: Timestamp,
    ) -> Result<Step, Failure>;
}

/// The object of kind `N` that the URL names.
pub(super) struct At<N> {
    pub(super) key: Key,
    kind: PhantomData<N>,
}

impl<N: Noun, S: Send + Sync> FromRequestParts<S> for At<N> {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Failure> {
        let PathSegments(segments) = PathSegments::from_request_parts(parts, state).await?;
        let key = key_at(N::KIND, &segments)?;
        let kind = PhantomData;
        Ok(Self { key, kind })
    }
}

/// A planned object and its change, whatever its kind.
pub(super) fn planned<T>(
    planned: Planned<T>,
    object: fn(std::sync::Arc<T>) -> Object,
) -> (Object, Change) {
    (object(planned.object), planned.change)
}

/// A change that is all there is to do.
pub(super) fn at_once(change: Change) -> Step {
    Step { change, done: true }
}

/// The view of an object that is in the catalog, or is about to be.
pub(super) fn view<N: Noun>(scene: &Scene<'_>, object: &Object) -> Result<N::View, Failure> {
    N::view(scene, object).ok_or_else(|| {
        let key = object.key();
        Failure::new(
            ErrorCode::Internal,
            format!(
                "{key} lacks what it refers to: this is an error in netmaster, please report it"
            ),
        )
    })
}

pub(super) async fn show<N: Noun>(
    State(app): State<App>,
    caller: Caller,
    At { key, .. }: At<N>,
    parameters: Parameters,
) -> Result<Json<N::View>, Failure> {
    parameters.only(&[])?;
    let found = app.look(|scene| {
        let object = scene.catalog.object(&key)?;
        let reached = caller.reaches_object(scene.catalog, &object);
        Some(reached.and_then(|()| view::<N>(scene, &object)))
    });
    let found = found.unwrap_or_else(|| Err(Failure::not_found(N::KIND, &key.name())))?;
    if let Some(owner) = N::OWNER {
        let fields = N::FIELDS.iter().find(|field| field.name == owner);
        let node = fields.and_then(|field| (field.values)(&found).pop());
        caller.sees(N::PATH, node.as_deref())?;
    }
    Ok(Json(found))
}

pub(super) async fn create<N: Managed>(
    State(app): State<App>,
    signature: Signature,
    parameters: Parameters,
    Body(spec): Body<N::Spec>,
) -> Result<(StatusCode, Json<N::View>), Failure> {
    parameters.only(&[])?;
    let wanted = N::wanted(spec)?;
    let key = N::key(&wanted);
    let name = key.name();
    signature.trail.about(key.clone());
    let policy = app.policy.clone();
    let now = now();
    let (created, revision) = app
        .allocator
        .write(move |ledger| {
            let catalog = ledger.catalog();
            let network = N::network(catalog, &wanted);
            signature.caller.reaches(&key, network.as_ref())?;
            // One of that name may be there, and of another network.
            let reached = signature.caller.reach(catalog, &key)?;
            let made = N::create(ledger, &wanted, now);
            let (object, change) = made.map_err(|failure| signature.caller.may_hear(failure))?;
            let policy = &policy;
            // What it refers to is there before the change, so the view is complete now; after the
            // commit somebody may have deleted it again.
            let scene = Scene {
                catalog,
                policy,
                now,
            };
            let created = (view::<N>(&scene, &object)?, change.revision());
            let change = signature.sign::<N>(&scene, &reached, change)?;
            Ok::<_, Failure>((created, change))
        })
        .await?;
    info!(kind = %N::KIND, name, revision = revision.number(), "created");
    Ok((StatusCode::CREATED, Json(created)))
}

pub(super) async fn update<N: Managed>(
    State(app): State<App>,
    signature: Signature,
    At { key, .. }: At<N>,
    parameters: Parameters,
    Body(update): Body<Update<N::Spec>>,
) -> Result<Json<N::Updated>, Failure> {
    parameters.only(&[])?;
    let wanted = N::wanted(update.spec)?;
    if N::key(&wanted) != key {
        let why = format!(
            "the body is about `{}`, the URL about `{}`: a name cannot change, create another one",
            N::key(&wanted).name(),
            key.name()
        );
        return Err(Failure::field("name", &why));
    }
    let policy = app.policy.clone();
    let expected = Revision::new(update.revision);
    let now = now();
    let name = key.name();
    let (updated, changed) = app
        .allocator
        .write(move |ledger| {
            let catalog = ledger.catalog();
            let policy = &policy;
            let scene = Scene {
                catalog,
                policy,
                now,
            };
            let reached = signature.caller.reach(catalog, &key)?;
            let made = N::update(&scene, ledger, &wanted, expected);
            let (updated, change) = made.map_err(|failure| signature.caller.may_hear(failure))?;
            let change = signature.sign::<N>(&scene, &reached, change)?;
            let changed = (!change.is_empty()).then(|| change.revision());
            Ok::<_, Failure>(((updated, changed), change))
        })
        .await?;
    if let Some(revision) = changed {
        info!(kind = %N::KIND, name, revision = revision.number(), "updated");
    }
    Ok(Json(updated))
}

pub(super) async fn delete<N: Managed>(
    State(app): State<App>,
    signature: Signature,
    At { key, .. }: At<N>,
    mut parameters: Parameters,
) -> Result<StatusCode, Failure> {
    let revision = parameters.number("revision")?.map(Revision::new);
    parameters.only(&["revision"])?;
    let name = key.name();
    let about = key.clone();
    let plan = move |ledger: &Ledger, begun: bool| {
        // The first step changes the object's own revision.
        let expected = revision.filter(|_| !begun);
        N::delete(ledger, &key, expected, now())
    };
    in_signed_steps::<N>(&app, signature, about, plan).await?;
    info!(kind = %N::KIND, name, "deleted");
    Ok(StatusCode::NO_CONTENT)
}

/// The same as [`in_steps`], for somebody who asked that it be done to the object of kind `N` with
/// `key`. The first step has the record of all.
pub(super) async fn in_signed_steps<N: Noun>(
    app: &App,
    signature: Signature,
    key: Key,
    plan: impl Fn(&Ledger, bool) -> Result<Step, Failure> + Clone + Send + 'static,
) -> Result<(), Failure> {
    let policy = app.policy.clone();
    let signed = move |ledger: &Ledger, begun: bool| {
        let catalog = ledger.catalog();
        if begun {
            return plan(ledger, begun);
        }
        let reached = signature.caller.reach(catalog, &key)?;
        let step = plan(ledger, begun);
        let Step { change, done } = step.map_err(|failure| signature.caller.may_hear(failure))?;
        let scene = Scene {
            catalog,
            policy: &policy,
            now: now(),
        };
        let change = signature.sign::<N>(&scene, &reached, change)?;
        Ok(Step { change, done })
    };
    in_steps(app, signed).await
}

/// Makes step after step until nothing is left to do, even if the caller goes away meanwhile. If
/// netmaster ends before that, the sweeper of the next leader goes on. `plan` is told whether a
/// step has been made.
pub(super) async fn in_steps(
    app: &App,
    plan: impl Fn(&Ledger, bool) -> Result<Step, Failure> + Clone + Send + 'static,
) -> Result<(), Failure> {
    let allocator = app.allocator.clone();
    let steps = tokio::spawn(async move {
        let mut begun = false;
        loop {
            let plan = plan.clone();
            let (done, idle) = allocator
                .write(move |ledger| {
                    let step = plan(ledger, begun)?;
                    Ok::<_, Failure>(((step.done, step.change.is_empty()), step.change))
                })
                .await?;
            if done {
                return Ok(());
            }
            if idle {
                return Err(broke_off());
            }
            begun = true;
        }
    });
    steps.await.unwrap_or_else(|_| Err(broke_off()))
}

fn broke_off() -> Failure {
    Failure::new(
        ErrorCode::Internal,
        "what takes several steps broke off: this is an error in netmaster, please report it",
    )
}

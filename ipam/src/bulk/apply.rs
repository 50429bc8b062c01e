//! Making objects what a list says, whatever they are.

use std::collections::BTreeMap;

use trunkline_types::{Labels, Selector};

use super::effect::effects;
use super::{Contradiction, ObjectOutcome, ObjectRefusal, ObjectSpec, Outcomes, Refused, Why};
use crate::{
    Catalog, Change, Edit, Key, Kind, Object, Rehearsal, Timestamp, delete_group, delete_network,
    delete_pool, delete_profile, delete_reservation, delete_subnet,
};

/// How many objects may wait for others at most, beyond those whose turn is later anyway. Each round
/// plans all of them anew while everybody else waits, so that more would take too long.
const WAITING_MAX: usize = 127;

/// Plans to make the objects what `wanted` says: those that are not there are created, the others
/// updated. With `prune`, objects whose labels it matches and that are not in the list go.
///
/// The order of the list does not matter. What refers to another object, or takes what another one
/// gives up, is planned after it. What could only be done all at once has no such order and is
/// refused: two networks do not swap their VLANs.
///
/// # Errors
///
/// [`Refused`] if some object cannot be as it is wanted; then it names all that cannot.
pub fn apply(
    rehearsal: &mut Rehearsal<'_>,
    wanted: &[ObjectSpec],
    prune: Option<&Selector>,
    now: Timestamp,
) -> Result<Outcomes, Refused> {
    let places = places(wanted)?;
    let mut order: Vec<_> = wanted.iter().enumerate().collect();
    order.sort_by_key(|(_, spec)| spec.rank());
    let mut tasks: Vec<_> = order.iter().map(|(index, _)| Task::Make(*index)).collect();
    if let Some(selector) = prune {
        let catalog = rehearsal.ledger().catalog();
        tasks.extend(pruned(catalog, selector, &places));
    }
    let mut apply = Apply {
        rehearsal,
        wanted,
        places,
        now,
        outcomes: BTreeMap::new(),
    };
    apply.run(tasks)?;
    Ok(apply.outcomes())
}

/// One object's turn.
#[derive(Clone, Debug)]
enum Task {
    /// Makes the object at this place of the list what it is to be.
    Make(usize),
    /// Deletes an object that is not in the list.
    Prune(Key),
}

/// Where in the list each object is.
fn places(wanted: &[ObjectSpec]) -> Result<BTreeMap<Key, usize>, Refused> {
    let mut places = BTreeMap::new();
    let mut objects = Vec::new();
    for (index, spec) in wanted.iter().enumerate() {
        let key = spec.key();
        match places.get(&key) {
            None => {
                places.insert(key, index);
            }
            Some(first) => objects.push(ObjectRefusal {
                index: Some(index),
                why: Contradiction::Twice {
                    key: key.clone(),
                    first: *first,
                }
                .into(),
                key,
            }),
        }
    }
    match objects.is_empty() {
        true => Ok(places),
        false => Err(Refused { objects }),
    }
}

/// The objects that go because they match and are not in the list. What is being deleted goes by
/// itself.
fn pruned(catalog: &Catalog, selector: &Selector, places: &BTreeMap<Key, usize>) -> Vec<Task> {
    let mut tasks = Vec::new();
    for kind in [
        Kind::Reservation,
        Kind::Group,
        Kind::Pool,
        Kind::Subnet,
        Kind::Profile,
        Kind::Network,
    ] {
        let matching = catalog.objects_after(kind, None).filter(|object| {
            labels(object).is_some_and(|labels| selector.matches(labels)) && !is_going(object)
        });
        let keys = matching.map(|object| object.key());
        tasks.extend(
            keys.filter(|key| !places.contains_key(key))
                .map(Task::Prune),
        );
    }
    tasks
}

fn labels(object: &Object) -> Option<&Labels> {
    match object {
        Object::Network(network) => Some(&network.labels),
        Object::Subnet(subnet) => Some(&subnet.labels),
        Object::Pool(pool) => Some(&pool.labels),
        Object::Group(group) => Some(&group.labels),
        Object::Profile(profile) => Some(&profile.labels),
        Object::Reservation(reservation) => Some(&reservation.labels),
        _ => None,
    }
}

fn is_going(object: &Object) -> bool {
    matches!(object, Object::Subnet(subnet) if subnet.deleting)
}

struct Apply<'a, 'b> {
    rehearsal: &'a mut Rehearsal<'b>,
    wanted: &'a [ObjectSpec],
    places: BTreeMap<Key, usize>,
    now: Timestamp,
    /// By what is asked for first, then by what was not; each in order.
    outcomes: BTreeMap<(usize, Key), ObjectOutcome>,
}

impl Apply<'_, '_> {
    /// Gives every task its turn, and those that were refused another one for as long as that
    /// helps.
    fn run(&mut self, mut tasks: Vec<Task>) -> Result<(), Refused> {
        loop {
            let mut refused: Vec<(Task, Why)> = Vec::new();
            let turns = tasks.len();
            for task in tasks {
                if let Err(why) = self.turn(&task) {
                    refused.push((task, why));
                }
            }
            if refused.is_empty() {
                return Ok(());
            }
            if refused.len() == turns || refused.len() > WAITING_MAX {
                return Err(self.refused(refused));
            }
            tasks = refused.into_iter().map(|(task, _)| task).collect();
        }
    }

    fn turn(&mut self, task: &Task) -> Result<(), Why> {
        let ledger = self.rehearsal.ledger();
        let (index, key, change) = match task {
            Task::Make(index) => {
                let Some(spec) = self.wanted.get(*index) else {
                    return Ok(());
                };
                (Some(*index), spec.key(), spec.plan(ledger, self.now)?)
            }
            Task::Prune(key) => (None, key.clone(), self.deletion(key)?),
        };
        let before = self.rehearsal.before(&key);
        let effects = effects(self.rehearsal.ledger().catalog(), &key, &change);
        self.rehearsal.make(&change);
        for edit in change.edits() {
            // A subnet takes its pools along.
            if let Edit::Delete(pool @ Key::Pool(..)) = edit
                && *pool != key
            {
                self.note(None, pool.clone(), self.rehearsal.before(pool), Vec::new());
            }
        }
        self.note(index, key, before, effects);
        Ok(())
    }

    fn note(
        &mut self,
        index: Option<usize>,
        key: Key,
        before: Option<Object>,
        effects: Vec<super::Effect>,
    ) {
        let after = self.rehearsal.ledger().catalog().object(&key);
        let outcome = ObjectOutcome {
            index,
            key: key.clone(),
            before,
            after,
            effects,
        };
        self.outcomes
            .insert((index.unwrap_or(usize::MAX), key), outcome);
    }

    /// The change that deletes an object; none if it has gone with another one.
    fn deletion(&self, key: &Key) -> Result<Change, Why> {
        let catalog = self.rehearsal.ledger().catalog();
        if catalog.object(key).is_none() {
            return Ok(Change::none(catalog.revision()));
        }
        Ok(match key {
            Key::Network(name) => delete_network(catalog, name, None)?,
            Key::Pool(subnet, name) => delete_pool(catalog, subnet, name, None)?,
            Key::Group(name) => delete_group(catalog, name, None)?,
            Key::Profile(name) => delete_profile(catalog, name, None)?,
            Key::Reservation(name) => delete_reservation(catalog, name, None)?,
            Key::Subnet(subnet) => {
                let listed = |key: &&Key| matches!(key, Key::Pool(of, _) if of == subnet);
                if let Some(Key::Pool(_, pool)) = self.places.keys().find(listed) {
                    return Err(Contradiction::PoolListed {
                        subnet: subnet.clone(),
                        pool: pool.clone(),
                    }
                    .into());
                }
                let step = delete_subnet(catalog, subnet, None)?;
                if !step.done {
                    return Err(Contradiction::TooManyRecords {
                        subnet: subnet.clone(),
                    }
                    .into());
                }
                step.change
            }
            _ => Change::none(catalog.revision()),
        })
    }

    fn refused(&self, refused: Vec<(Task, Why)>) -> Refused {
        let refusals = refused.into_iter().map(|(task, why)| match task {
            Task::Make(index) => ObjectRefusal {
                index: Some(index),
                key: self.wanted.get(index).map_or(Key::Cluster, ObjectSpec::key),
                why,
            },
            Task::Prune(key) => ObjectRefusal {
                index: None,
                key,
                why,
            },
        });
        let mut objects: Vec<_> = refusals.collect();
        objects.sort_by_key(|refusal| refusal.index.unwrap_or(usize::MAX));
        Refused { objects }
    }

    fn outcomes(self) -> Outcomes {
        Outcomes {
            objects: self.outcomes.into_values().collect(),
            change: self.rehearsal.change(),
        }
    }
}

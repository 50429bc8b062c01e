//! Histories that are fine, and histories that are not.

use super::*;
use crate::history::{Allocated, Call};

/// A history that is written down: attachments `a` to `h`, addresses 1 to 9, times in order.
#[derive(Default)]
struct Written(History);

impl Written {
    fn add(mut self, name: char, call: Call, start: u64, end: Option<u64>) -> Self {
        let attachment = usize::try_from(u32::from(name) - u32::from('a')).unwrap();
        while self.0.attachments.len() <= attachment {
            let next = u8::try_from(self.0.attachments.len()).unwrap() + b'a';
            self.0.attachments.push(char::from(next).to_string());
        }
        self.0.operations.push(Operation {
            attachment,
            call,
            start,
            end,
        });
        self
    }

    fn allocate(self, name: char, answer: u8, start: u64, end: u64) -> Self {
        let call = Call::Allocate(Some(Allocated::Address(ip(answer))));
        self.add(name, call, start, Some(end))
    }

    fn full(self, name: char, start: u64, end: u64) -> Self {
        self.add(
            name,
            Call::Allocate(Some(Allocated::Full)),
            start,
            Some(end),
        )
    }

    fn allocate_unanswered(self, name: char, start: u64) -> Self {
        self.add(name, Call::Allocate(None), start, None)
    }

    fn release(self, name: char, start: u64, end: u64) -> Self {
        self.add(name, Call::Release, start, Some(end))
    }

    fn release_unanswered(self, name: char, start: u64) -> Self {
        self.add(name, Call::Release, start, None)
    }

    fn look(self, name: char, held: Option<u8>, start: u64, end: u64) -> Self {
        self.add(name, Call::Look(held.map(ip)), start, Some(end))
    }

    fn is_fine(&self) {
        if let Err(error) = check(&self.0) {
            panic!("{error}");
        }
    }

    fn is_refused(&self) -> String {
        match check(&self.0) {
            Err(NotLinearizable::Contradiction(story)) => story,
            other => panic!("{other:?}"),
        }
    }
}

fn ip(last: u8) -> IpAddr {
    [10, 1, 0, last].into()
}

fn history() -> Written {
    Written::default()
}

#[test]
fn an_address_goes_from_hand_to_hand() {
    history()
        .allocate('a', 1, 0, 1)
        .allocate('a', 1, 2, 3)
        .release('a', 4, 5)
        .allocate('b', 1, 6, 7)
        .look('a', None, 8, 9)
        .look('b', Some(1), 8, 9)
        .is_fine();
}

#[test]
fn one_address_for_two_is_refused() {
    let story = history()
        .allocate('a', 1, 0, 1)
        .allocate('b', 1, 2, 3)
        .is_refused();
    assert!(
        story.contains("allocate a → 10.1.0.1") && story.ends_with("allocate b → 10.1.0.1\n"),
        "{story}"
    );
}

#[test]
fn one_address_for_two_at_the_same_time_is_refused() {
    history()
        .allocate('a', 1, 0, 5)
        .allocate('b', 1, 0, 5)
        .is_refused();
}

#[test]
fn an_address_may_be_handed_on_while_its_release_is_under_way() {
    history()
        .allocate('a', 1, 0, 1)
        .release('a', 2, 9)
        .allocate('b', 1, 3, 4)
        .is_fine();
}

#[test]
fn an_address_handed_on_before_its_release_began_is_refused() {
    history()
        .allocate('a', 1, 0, 1)
        .allocate('b', 1, 2, 3)
        .release('a', 4, 5)
        .is_refused();
}

#[test]
fn a_lost_allocation_is_refused() {
    history()
        .allocate('a', 1, 0, 1)
        .look('a', None, 2, 3)
        .is_refused();
}

#[test]
fn a_lost_release_is_refused() {
    history()
        .allocate('a', 1, 0, 1)
        .release('a', 2, 3)
        .look('a', Some(1), 4, 5)
        .is_refused();
}

#[test]
fn an_allocation_out_of_nowhere_is_refused() {
    history()
        .release('a', 0, 1)
        .look('a', Some(1), 2, 3)
        .is_refused();
}

#[test]
fn an_answer_from_the_past_is_refused() {
    // The old leader still says `a` has address 1, which `b` was given since.
    history()
        .allocate('a', 1, 0, 1)
        .release('a', 2, 3)
        .allocate('b', 1, 4, 5)
        .allocate('a', 1, 6, 7)
        .is_refused();
}

#[test]
fn full_from_the_past_is_refused() {
    history()
        .allocate('a', 1, 0, 1)
        .full('a', 2, 3)
        .is_refused();
}

#[test]
fn full_is_nobodys_lie() {
    history()
        .full('a', 0, 1)
        .allocate('a', 1, 2, 3)
        .release('a', 4, 5)
        .full('a', 6, 7)
        .is_fine();
}

#[test]
fn another_address_without_a_release_is_refused() {
    history()
        .allocate('a', 1, 0, 1)
        .allocate('a', 2, 2, 3)
        .is_refused();
}

#[test]
fn what_was_not_answered_may_have_happened_or_not() {
    let before = || {
        history()
            .allocate('a', 1, 0, 1)
            .release_unanswered('a', 2)
            .allocate_unanswered('b', 3)
    };
    before()
        .look('a', Some(1), 8, 9)
        .look('b', None, 8, 9)
        .is_fine();
    before()
        .look('a', None, 8, 9)
        .look('b', Some(1), 8, 9)
        .is_fine();
    before()
        .look('b', Some(1), 6, 7)
        .look('a', Some(1), 8, 9)
        .is_refused();
}

#[test]
fn what_was_not_answered_may_happen_late_but_once() {
    let late = || {
        history()
            .allocate('a', 1, 0, 1)
            .release_unanswered('a', 2)
            .allocate('a', 1, 3, 4)
            .allocate('b', 1, 5, 6)
    };
    late().is_fine();
    late()
        .allocate('a', 2, 7, 8)
        .allocate('c', 2, 9, 10)
        .is_refused();
}

#[test]
fn an_unanswered_release_is_not_used_in_two_places() {
    // It can explain that `a` got another address, or that `b` got that one, but not both; neither
    // attachment alone shows that.
    history()
        .allocate('a', 1, 0, 1)
        .release_unanswered('a', 2)
        .allocate('a', 2, 3, 4)
        .allocate('b', 2, 5, 6)
        .is_refused();
}

#[test]
fn an_allocation_may_have_to_be_done_early_for_a_release_to_undo_it() {
    // `a` had address 1 before `b` got it, and lost it by its release that nobody answered.
    history()
        .release_unanswered('a', 0)
        .allocate('a', 1, 1, 100)
        .allocate('b', 1, 10, 20)
        .look('b', Some(1), 110, 120)
        .look('a', None, 110, 120)
        .is_fine();
}

#[test]
fn a_release_may_have_to_make_room_for_one_that_is_done_early() {
    history()
        .allocate('c', 1, 0, 1)
        .release_unanswered('a', 2)
        .release('c', 3, 90)
        .allocate('a', 1, 4, 100)
        .allocate('b', 1, 10, 20)
        .look('b', Some(1), 110, 120)
        .is_fine();
}

#[test]
fn two_may_ask_about_one_attachment_at_once() {
    let both = |then: Option<u8>| {
        history()
            .allocate('a', 1, 0, 1)
            .release('a', 2, 9)
            .allocate('a', 1, 2, 10)
            .look('a', then, 11, 12)
    };
    both(None).is_fine();
    both(Some(1)).is_fine();
    history().full('a', 0, 10).allocate('a', 1, 0, 5).is_fine();
}

/// A store that is as it should be, used by `clients` at once; `lost` percent of the answers get
/// lost.
fn simulated(rng: &mut fastrand::Rng, clients: usize, steps: usize, lost: u8) -> History {
    let names = "abcdefgh";
    let mut written = Written::default();
    let mut held: BTreeMap<char, u8> = BTreeMap::new();
    // Of each client: when its last request ended.
    let mut free_at = vec![0; clients];
    let mut now = 0;
    for _ in 0..steps {
        now += 10;
        let client = rng.usize(..clients);
        let name = names.chars().nth(client).unwrap();
        // The request is done at `now`, which lies between its start and its end.
        let start = u64::max(free_at[client], now - rng.u64(0..10)) + 1;
        if start > now {
            continue;
        }
        let end = now + rng.u64(0..60);
        free_at[client] = end;
        let lost = rng.u8(..100) < lost;
        written = if rng.bool() {
            let taken: BTreeSet<u8> = held.values().copied().collect();
            let first_free = (1..=4).find(|address| !taken.contains(address));
            let answer = held.get(&name).copied().or(first_free);
            if let Some(answer) = answer {
                held.insert(name, answer);
            }
            match answer {
                _ if lost => written.allocate_unanswered(name, start),
                Some(answer) => written.allocate(name, answer, start, end),
                None => written.full(name, start, end),
            }
        } else {
            held.remove(&name);
            if lost {
                written.release_unanswered(name, start)
            } else {
                written.release(name, start, end)
            }
        };
    }
    for name in names.chars().take(clients) {
        let at = now + 1000;
        written = written.look(name, held.get(&name).copied(), at, at + 1);
    }
    written.0
}

#[test]
fn what_a_correct_store_does_is_never_refused() {
    for seed in 0..300 {
        let mut rng = fastrand::Rng::with_seed(seed);
        let history = simulated(&mut rng, 6, 150, 5);
        if let Err(error) = check(&history) {
            panic!("seed {seed}: {error}");
        }
    }
}

#[test]
fn a_long_history_with_few_addresses_is_decided() {
    let history = simulated(&mut fastrand::Rng::with_seed(1), 8, 20_000, 5);
    assert_eq!(check(&history), Ok(()));
}

#[test]
fn a_wrong_final_state_of_a_busy_history_is_refused() {
    let mut refused = 0;
    for seed in 0..100 {
        let mut rng = fastrand::Rng::with_seed(seed);
        let mut history = simulated(&mut rng, 6, 60, 0);
        // Whoever has nothing in the end is said to have what another has.
        let other = history.operations.iter().find_map(|o| match o.call {
            Call::Look(Some(ip)) => Some(ip),
            _ => None,
        });
        let nothing = history
            .operations
            .iter_mut()
            .find(|o| o.call == Call::Look(None));
        if let (Some(ip), Some(look)) = (other, nothing) {
            look.call = Call::Look(Some(ip));
            assert!(check(&history).is_err(), "seed {seed}");
            refused += 1;
        }
    }
    assert!(refused > 50, "{refused}");
}

//! How full subnets are, and how that went lately.
//!
//! Every replica looks at its own catalog once a minute and keeps what it saw in memory: the last
//! quarter of an hour as it was, and beyond that ever coarser, so that two and a half days fit into
//! a few kilobytes for each subnet.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::sleep;
use trunkline_ipam::{Catalog, Forecast, Sample, Subnet, Timestamp, forecast, hourly_rate};
use trunkline_types::Name;

use crate::allocator::Allocator;
use crate::clock::now;

/// How often subnets are looked at.
const EVERY: Duration = Duration::from_secs(60);

/// Of how many samples the rate is told: a quarter of an hour.
const RECENT: usize = 16;

/// Of how many samples the forecast is made. When there are more, every second one goes, and new
/// ones come half as often.
const TREND: usize = 120;

/// How far apart the samples of the trend become, in seconds: then old ones go instead. 120 of them
/// are 64 hours.
const COARSEST: u64 = 1920;

/// How many subnets are looked at: 2 KiB for each are 20 MiB in all. Of those beyond nothing is
/// said but how full they are.
const SUBNETS: usize = 10_000;

/// How full one subnet was.
#[derive(Clone, Debug, Default)]
struct History {
    recent: VecDeque<Sample>,
    trend: Vec<Sample>,
    /// How far apart the samples of the trend are, in seconds.
    apart: u64,
}

impl History {
    fn see(&mut self, sample: Sample) {
        self.recent.push_back(sample);
        if self.recent.len() > RECENT {
            self.recent.pop_front();
        }
        let due = self
            .trend
            .last()
            .is_none_or(|last| sample.at >= last.at.after(self.apart));
        if !due {
            return;
        }
        self.trend.push(sample);
        if self.trend.len() <= TREND {
            return;
        }
        if self.apart >= COARSEST {
            self.trend.remove(0);
            return;
        }
        self.apart = (self.apart * 2).max(2 * EVERY.as_secs());
        let mut keep = false;
        // The last one stays, so that the next one is as far from it as the others.
        self.trend.reverse();
        self.trend.retain(|_| {
            keep = !keep;
            keep
        });
        self.trend.reverse();
    }

    /// All there is, the newest one last.
    fn samples(&self) -> Vec<Sample> {
        let mut samples = self.trend.clone();
        let newest = self.recent.back().copied();
        samples.extend(newest.filter(|sample| self.trend.last() != Some(sample)));
        samples
    }
}

/// What is known of the use of one subnet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Use {
    pub(crate) subnet: Name,
    pub(crate) network: Name,
    pub(crate) taken: u64,
    pub(crate) capacity: u64,
    pub(crate) hourly: Option<i64>,
    pub(crate) forecast: Forecast,
}

impl Use {
    /// How much of it is taken, in thousandths.
    pub(crate) fn permille(&self) -> u64 {
        let part = u128::from(self.taken) * 1000;
        let whole = u128::from(self.capacity.max(1));
        u64::try_from(part / whole).unwrap_or(u64::MAX)
    }
}

/// The histories of all subnets. Clones are one and the same.
#[derive(Clone, Debug, Default)]
pub(crate) struct Usage {
    subnets: Arc<Mutex<BTreeMap<Name, History>>>,
}

impl Usage {
    /// Looks once a minute, until `stop` changes.
    pub(crate) async fn follow(self, allocator: Allocator, mut stop: watch::Receiver<bool>) {
        loop {
            let taken = allocator.read(taken);
            self.see(&taken, now());
            // Both are cancel-safe.
            tokio::select! {
                () = sleep(EVERY) => {}
                _ = stop.wait_for(|stop| *stop) => return,
            }
        }
    }

    /// Takes in how many addresses of each subnet are taken at `at`. Subnets that are gone are
    /// forgotten.
    fn see(&self, taken: &BTreeMap<Name, u64>, at: Timestamp) {
        let mut subnets = self.lock();
        subnets.retain(|name, _| taken.contains_key(name));
        for (name, taken) in taken {
            let taken = *taken;
            if let Some(history) = subnets.get_mut(name) {
                history.see(Sample { at, taken });
            } else if subnets.len() < SUBNETS {
                let mut history = History::default();
                history.see(Sample { at, taken });
                subnets.insert(name.clone(), history);
            }
        }
    }

    /// How full all subnets are, the fullest first.
    pub(crate) fn of(&self, allocator: &Allocator) -> Vec<Use> {
        // Writers wait for who reads, so what takes its time comes after.
        let now: Vec<(Arc<Subnet>, u64)> = allocator.read(|catalog| {
            let subnets = catalog.subnets();
            subnets
                .map(|subnet| (subnet.clone(), catalog.taken(subnet)))
                .collect()
        });
        let subnets = self.lock();
        let mut uses: Vec<_> = now
            .into_iter()
            .map(|(subnet, taken)| {
                let history = subnets.get(&subnet.name);
                let capacity = subnet.capacity();
                let samples = history.map(History::samples).unwrap_or_default();
                let recent = history.map(|history| Vec::from(history.recent.clone()));
                Use {
                    subnet: subnet.name.clone(),
                    network: subnet.network.clone(),
                    taken,
                    capacity,
                    hourly: recent.and_then(|recent| hourly_rate(&recent)),
                    forecast: match taken >= capacity {
                        true => Forecast::Full,
                        false => forecast(&samples, capacity),
                    },
                }
            })
            .collect();
        // Of two that are as full the one that is full sooner comes first.
        uses.sort_by_key(|one| (std::cmp::Reverse(one.permille()), left(one.forecast)));
        uses
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<Name, History>> {
        self.subnets.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn taken(catalog: &Catalog) -> BTreeMap<Name, u64> {
    let subnets = catalog.subnets();
    subnets
        .map(|subnet| (subnet.name.clone(), catalog.taken(subnet)))
        .collect()
}

fn left(forecast: Forecast) -> u64 {
    match forecast {
        Forecast::Full => 0,
        Forecast::FullIn { seconds } => seconds,
        Forecast::Distant | Forecast::TooLittle { .. } => u64::MAX,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const START: Timestamp = Timestamp::from_unix_seconds(1_700_000_000);

    /// What is remembered after so many minutes of one more address a minute.
    fn history(minutes: u64) -> History {
        let mut history = History::default();
        for minute in 0..minutes {
            history.see(Sample {
                at: START.after(minute * 60),
                taken: minute,
            });
        }
        history
    }

    #[test]
    fn a_history_stays_small_and_reaches_back_for_days() {
        for minutes in [1, 60, 1440, 14_400] {
            let history = history(minutes);
            assert!(history.trend.len() <= TREND && history.recent.len() <= RECENT);
            let samples = history.samples();
            assert!(samples.is_sorted_by_key(|sample| sample.at));
            let last = samples.last().unwrap();
            assert_eq!(
                last.at,
                START.after((minutes - 1) * 60),
                "the newest one is there"
            );
            let first = samples.first().unwrap();
            let reach = last.at.unix_seconds() - first.at.unix_seconds();
            let whole = (minutes - 1) * 60;
            assert!(reach >= whole.min(48 * 3600), "{minutes}: {reach}");
        }
    }

    #[test]
    fn what_grows_evenly_is_forecast_the_same_however_coarse_it_is_remembered() {
        for minutes in [60, 1440, 14_400] {
            let samples = history(minutes).samples();
            let full = Forecast::FullIn { seconds: 60 * 60 };
            assert_eq!(forecast(&samples, minutes - 1 + 60), full, "{minutes}");
            assert_eq!(hourly_rate(&samples), Some(60));
        }
    }

    #[test]
    fn a_subnet_that_is_gone_is_forgotten() {
        let usage = Usage::default();
        let name: Name = "blue".parse().unwrap();
        usage.see(&[(name, 7)].into_iter().collect(), START);
        assert_eq!(usage.lock().len(), 1);
        usage.see(&BTreeMap::new(), START);
        assert!(usage.lock().is_empty());
    }
}

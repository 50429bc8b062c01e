mod mutate;

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use super::*;
use mutate::mutated;

/// With this variable set, targets are tried with mutated inputs for so many seconds each.
const SECONDS: &str = "TRUNKLINE_FUZZ_SECONDS";

/// Without it, with so many of each file of the corpus.
const MUTATIONS: usize = 40;

fn crate_dir() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn names_in(directory: &str) -> BTreeSet<String> {
    fs::read_dir(crate_dir().join(directory))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .map(|path| path.file_stem().unwrap().to_str().unwrap().to_owned())
        .collect()
}

/// The files of a target's corpus, in the order of their names.
fn corpus(name: &str) -> Vec<Vec<u8>> {
    let files = fs::read_dir(crate_dir().join("corpus").join(name)).unwrap();
    let mut paths: Vec<_> = files.map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    paths.iter().map(|path| fs::read(path).unwrap()).collect()
}

/// Tells what a target was given when it panics.
struct Given<'a>(&'a str, &'a [u8]);

impl Drop for Given<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            println!("{} was given `{}`", self.0, self.1.escape_ascii());
        }
    }
}

fn try_with(name: &str, target: Target, data: &[u8]) {
    let _given = Given(name, data);
    target(data);
}

#[test]
fn every_target_holds_for_its_whole_corpus() {
    for (name, target) in TARGETS {
        let corpus = corpus(name);
        assert!(corpus.len() >= 5, "{name} has a corpus of {}", corpus.len());
        for data in &corpus {
            try_with(name, target, data);
        }
    }
}

#[test]
fn every_target_holds_for_its_corpus_with_something_changed() {
    let patience = std::env::var(SECONDS).ok();
    let patience = patience.map(|seconds| Duration::from_secs(seconds.parse().unwrap()));
    let seed = patience.map_or(1, |_| fastrand::u64(..));
    for (name, target) in TARGETS {
        let mut rng = fastrand::Rng::with_seed(seed);
        let corpus = corpus(name);
        let (begun, mut tried) = (Instant::now(), 0);
        while match patience {
            Some(patience) => begun.elapsed() < patience,
            None => tried < MUTATIONS * corpus.len(),
        } {
            let data = mutated(&corpus, tried % corpus.len(), &mut rng);
            try_with(name, target, &data);
            tried += 1;
        }
        println!("{name}: {tried} inputs, seed {seed}");
    }
}

#[test]
fn every_target_has_an_executable_and_a_corpus() {
    let named: BTreeSet<String> = TARGETS.iter().map(|(name, _)| (*name).to_owned()).collect();
    assert_eq!(names_in("fuzz_targets"), named);
    assert_eq!(names_in("corpus"), named);
}

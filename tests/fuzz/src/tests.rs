use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use super::*;

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

#[test]
fn every_target_holds_for_its_whole_corpus() {
    for (name, target) in TARGETS {
        let corpus = fs::read_dir(crate_dir().join("corpus").join(name)).unwrap();
        let mut replayed = 0;
        for entry in corpus {
            let path = entry.unwrap().path();
            println!("{}", path.display());
            target(&fs::read(&path).unwrap());
            replayed += 1;
        }
        assert!(replayed >= 5, "{name} has a corpus of only {replayed}");
    }
}

#[test]
fn every_target_has_an_executable_and_a_corpus() {
    let named: BTreeSet<String> = TARGETS.iter().map(|(name, _)| (*name).to_owned()).collect();
    assert_eq!(names_in("fuzz_targets"), named);
    assert_eq!(names_in("corpus"), named);
}

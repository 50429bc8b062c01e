//! Back-ups.

use trunkline_netmaster::reading;

/// How many bytes of a good back-up are altered, and lines of it exchanged, at most: spread over
/// all of it.
const PLACES: usize = 48;

/// The bytes as they are, and as the lines of a back-up that a right last line is added to: they
/// are refused with a reason, or are a back-up that nothing can be taken from, added to, altered or
/// exchanged in.
///
/// # Panics
///
/// If that is not so.
pub fn backups(data: &[u8]) {
    whole(data);
    let mut lines = data.to_vec();
    if !lines.ends_with(b"\n") {
        lines.push(b'\n');
    }
    let count = lines.iter().filter(|byte| **byte == b'\n').count() as u64;
    let end = reading::back_up_end(&lines, count - 1, count);
    lines.extend_from_slice(&end);
    whole(&lines);
}

fn whole(file: &[u8]) {
    match reading::backed_up(file) {
        Ok(_) => nothing_goes_unnoticed(file),
        Err(error) => assert!(!error.to_string().is_empty()),
    }
}

fn nothing_goes_unnoticed(file: &[u8]) {
    let refused = |altered: &[u8], what: &str, place: usize| {
        assert!(reading::backed_up(altered).is_err(), "{what} {place}");
    };
    for place in (0..file.len()).step_by(file.len() / PLACES + 1) {
        refused(&file[..place], "cut at", place);
        let mut altered = file.to_vec();
        altered[place] ^= 1 << (place % 8);
        refused(&altered, "altered at", place);
    }
    refused(&[file, b"\n"].concat(), "longer than", file.len());
    let mut lines: Vec<_> = file.split_inclusive(|byte| *byte == b'\n').collect();
    for place in (1..lines.len()).step_by(lines.len() / PLACES + 1) {
        lines.swap(place - 1, place);
        refused(&lines.concat(), "exchanged at line", place);
        lines.swap(place - 1, place);
    }
}

//! Inputs that are nearly those of a corpus.

use fastrand::Rng;

/// What parsers stumble over.
const ODD: [&[u8]; 24] = [
    b"",
    b"0",
    b"-1",
    b"1.5",
    b"1e999",
    b"255",
    b"256",
    b"4096",
    b"65536",
    b"4294967296",
    b"9007199254740993",
    b"18446744073709551615",
    b"18446744073709551616",
    b"null",
    b"true",
    b"[]",
    b"{}",
    b"\"\"",
    b"\\u0000",
    b"\xc3\xa9",
    b"\xff",
    b"::ffff:10.1.0.1",
    b"255.255.255.255",
    b"ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
];

/// The input at `place` of `corpus`, with one to four things changed.
pub(super) fn mutated(corpus: &[Vec<u8>], place: usize, rng: &mut Rng) -> Vec<u8> {
    let mut data = corpus[place].clone();
    for _ in 0..rng.usize(1..=4) {
        change(&mut data, corpus, rng);
    }
    data
}

fn change(data: &mut Vec<u8>, corpus: &[Vec<u8>], rng: &mut Rng) {
    let begin = rng.usize(..=data.len());
    let end = (begin + rng.usize(..=16)).min(data.len());
    match rng.u8(..7) {
        0 if begin < data.len() => data[begin] ^= 1 << rng.u8(..8),
        1 => drop(data.drain(begin..end)),
        2 => data.truncate(begin),
        3 => {
            let copy = data[begin..end].to_vec();
            data.splice(begin..begin, copy);
        }
        4 => {
            let other = &corpus[rng.usize(..corpus.len())];
            let from = rng.usize(..=other.len());
            let to = (from + rng.usize(..=64)).min(other.len());
            data.splice(begin..end, other[from..to].iter().copied());
        }
        5 => replace_word(data, begin, ODD[rng.usize(..ODD.len())]),
        _ => swap_lines(data, rng),
    }
}

/// Puts `odd` in the place of the letters and digits around `at`: a number, a name or a key.
fn replace_word(data: &mut Vec<u8>, at: usize, odd: &[u8]) {
    let is_word = |byte: &u8| byte.is_ascii_alphanumeric();
    let before = data[..at].iter().rev().take_while(|byte| is_word(byte));
    let begin = at - before.count();
    let end = at + data[at..].iter().take_while(|byte| is_word(byte)).count();
    data.splice(begin..end, odd.iter().copied());
}

fn swap_lines(data: &mut Vec<u8>, rng: &mut Rng) {
    let mut lines: Vec<_> = data.split_inclusive(|byte| *byte == b'\n').collect();
    if lines.len() > 1 {
        let (one, other) = (rng.usize(..lines.len()), rng.usize(..lines.len()));
        lines.swap(one, other);
        *data = lines.concat();
    }
}

//! libFuzzer's way to the target `selectors`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| trunkline_fuzz::selectors(data));

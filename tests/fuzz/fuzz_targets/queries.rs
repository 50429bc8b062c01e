//! libFuzzer's way to the target `queries`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| trunkline_fuzz::queries(data));

//! libFuzzer's way to the target `vocabulary`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| trunkline_fuzz::vocabulary(data));

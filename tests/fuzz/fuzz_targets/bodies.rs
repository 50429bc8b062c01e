//! libFuzzer's way to the target `bodies`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| trunkline_fuzz::bodies(data));

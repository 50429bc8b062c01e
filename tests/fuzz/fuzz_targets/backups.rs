//! libFuzzer's way to the target `backups`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| trunkline_fuzz::backups(data));

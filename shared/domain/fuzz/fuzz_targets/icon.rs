#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| poolwarden_fuzz::targets::icon(bytes));

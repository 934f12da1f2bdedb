#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| ktorws_fuzz::tunnel(bytes));

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| crannog_fuzz::keyd::run("keyd_unlock", data));

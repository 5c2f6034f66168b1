//! A body of the type `application/json`.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    capture::fuzzing::post(&fuzz::FORM, "application/json", bytes);
});

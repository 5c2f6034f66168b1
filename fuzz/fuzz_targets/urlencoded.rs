//! A body of the type `application/x-www-form-urlencoded`.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    capture::fuzzing::post(&fuzz::FORM, "application/x-www-form-urlencoded", bytes);
});

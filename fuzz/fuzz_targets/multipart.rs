//! A body of the type `multipart/form-data; boundary=b`.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    capture::fuzzing::post(&fuzz::FORM, "multipart/form-data; boundary=b", bytes);
});

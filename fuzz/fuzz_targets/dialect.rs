//! What services and pages made for them send; the first byte says which service.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    capture::fuzzing::dialect(&fuzz::FORM, bytes);
});

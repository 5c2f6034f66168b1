//! A mail address as somebody typed it.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|typed: &str| {
    capture::fuzzing::address(typed);
});

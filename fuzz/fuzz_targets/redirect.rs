//! Where a page asks to go; the line before it is the page it says it is.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let (referer, asked) = text.split_once('\n').unwrap_or(("", text));
    capture::fuzzing::redirect(&fuzz::FORM, referer, asked);
});

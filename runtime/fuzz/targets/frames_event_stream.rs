#![no_main]

use libfuzzer_sys::fuzz_target;
use llmetry::wire::Format;

fuzz_target!(|data: &[u8]| llmetry_fuzz::answer(
    Some(Format::BedrockConverse),
    "application/vnd.amazon.eventstream",
    data
));

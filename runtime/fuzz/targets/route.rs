#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|parts: (&str, &str, &str)| {
    let (method, host, path) = parts;
    drop(llmetry::wire::route(method, host, path));
});

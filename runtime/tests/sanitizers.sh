#!/usr/bin/env bash
# The rooms that are unsafe or without locks, under AddressSanitizer and ThreadSanitizer, and under Miri where it is installed.
#
# Needs a nightly toolchain. ThreadSanitizer must see into std, or it takes std's own synchronisation for races: std is built
# anew, which needs nightly's `rust-src`. What cannot run here is said on stdout; what fails stops the script.
set -eu
cd "$(dirname "$0")/../.."

target=x86_64-unknown-linux-gnu
# Unsafe code stands in the clock, in the spool's mapping, and at the end of the process, which is left to tests in processes of their
# own; slots, slab, queue and ring have protocols of their own; `stress` runs them all together, as a program does, and `stress_spool` with
# a file, and an end in the midst of it.
tests=(scope::clock scope::slot scope::slab scope::id pipeline::queue pipeline::spool stress)
# Slow, and of one thread only: ThreadSanitizer has nothing to see there.
one_thread=(--skip hostile_bytes --skip torn_bytes --skip every_record_comes --skip damage_costs)
features=(--no-default-features --features sdk,testing,spool)
out=${CARGO_TARGET_DIR:-target}/sanitizers
export RUST_TEST_THREADS=4

if ! cargo +nightly --version >/dev/null 2>&1; then
    echo 'NOT CHECKED: sanitizers and Miri: no nightly toolchain'
    exit 0
fi
if [ "$(rustc +nightly -vV | sed -n 's/^host: //p')" != "$target" ]; then
    echo "NOT CHECKED: sanitizers: this machine is not $target"
    exit 0
fi

run() { # name, rustflags, extra arguments of cargo
    echo "== $1"
    local flags=$2
    shift 2
    RUSTFLAGS="$flags" CARGO_TARGET_DIR="$out" \
        cargo +nightly test "$@" --target "$target" -p llmetry --lib --test stress --test stress_spool "${features[@]}" -- "${tests[@]}" ${skipped[@]+"${skipped[@]}"}
}

run AddressSanitizer -Zsanitizer=address

library=$(rustc +nightly --print sysroot)/lib/rustlib/src/rust/library
[ -d "$library" ] || rustup component add rust-src --toolchain nightly || true
if [ -d "$library" ]; then
    skipped=("${one_thread[@]}")
    run ThreadSanitizer '-Zsanitizer=thread -Cunsafe-allow-abi-mismatch=sanitizer' -Zbuild-std
else
    echo "NOT CHECKED: ThreadSanitizer: without nightly's rust-src (rustup component add rust-src --toolchain nightly)"
fi

if cargo +nightly miri --version >/dev/null 2>&1; then
    echo '== Miri'
    # The clock asks the kernel which clock source it trusts; Miri has no kernel.
    MIRIFLAGS=-Zmiri-disable-isolation CARGO_TARGET_DIR="$out" \
        cargo +nightly miri test -p llmetry --lib "${features[@]}" -- scope::slot pipeline::queue scope::id
else
    echo 'NOT CHECKED: Miri is not installed (rustup component add miri --toolchain nightly)'
fi

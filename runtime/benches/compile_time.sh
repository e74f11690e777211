#!/usr/bin/env bash
# What an annotated function costs to compile, beside its peers: `runtime/benches/compile_time.sh [functions] [rounds]`.
#
# Generates, in a temporary directory, crates of N async and of N sync functions (200), bare and with each attribute, builds their
# dependencies once, and then each crate alone, R times (3), one after the other. Prints the median of the processor time that compiler and
# cargo spent in user mode, less that for a crate with the same dependencies and no functions, as milliseconds a function. Needs the
# registry's crates, from the network or from cargo's store. Nothing is asserted.
set -eu
functions=${1:-200}
rounds=${2:-3}
root=$(cd "$(dirname "$0")/../.." && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

stacks=(bare llmetry tracing fastrace)
kinds=(none async sync)
declare -A attribute=(
    [bare]='' [llmetry]='#[llmetry::task]' [tracing]='#[tracing::instrument]' [fastrace]='#[fastrace::trace]'
)
declare -A dependency=(
    [bare]='' [llmetry]="llmetry = { path = \"$root/runtime\" }" [tracing]='tracing = "0.1.44"'
    [fastrace]='fastrace = { version = "0.7.19", features = ["enable"] }'
)

# The futures are boxed once, or nobody would ask for the code that polls them.
body() { # kind, attribute
    echo 'use std::num::ParseIntError;'
    case $1 in
    async)
        for ((i = 0; i < functions; i++)); do
            cat <<RUST
$2
pub async fn function_$i(question: &str, count: usize) -> Result<String, ParseIntError> {
    let number: usize = question.parse()?;
    std::future::ready(()).await;
    Ok(format!("{}", number + count))
}
RUST
        done
        echo 'pub fn all() -> Vec<Box<dyn std::future::Future<Output = Result<String, ParseIntError>>>> {'
        echo '    vec!['
        for ((i = 0; i < functions; i++)); do echo "        Box::new(function_$i(\"1\", $i)),"; done
        echo '    ]'
        echo '}'
        ;;
    sync)
        for ((i = 0; i < functions; i++)); do
            cat <<RUST
$2
pub fn function_$i(question: &str, count: usize) -> Result<String, ParseIntError> {
    let number: usize = question.parse()?;
    Ok(format!("{}", number + count))
}
RUST
        done
        ;;
    none) echo 'pub fn nothing(text: &str) -> Result<usize, ParseIntError> { text.parse() }' ;;
    esac
}

for stack in "${stacks[@]}"; do
    for kind in "${kinds[@]}"; do
        crate=$work/$stack-$kind
        mkdir -p "$crate/src"
        printf '[package]\nname = "%s-%s"\nversion = "0.0.0"\nedition = "2024"\n[dependencies]\n%s\n' \
            "$stack" "$kind" "${dependency[$stack]}" >"$crate/Cargo.toml"
        body "$kind" "${attribute[$stack]}" >"$crate/src/lib.rs"
    done
done
printf '[workspace]\nresolver = "3"\nmembers = ["*-*"]\n' >"$work/Cargo.toml"
cp "$root/runtime/benches/peers/Cargo.lock" "$work/"

export CARGO_TARGET_DIR=$work/target CARGO_INCREMENTAL=0
# Each crate by itself: for all of them together cargo may choose other features of what they depend on.
for stack in "${stacks[@]}"; do
    cargo build --quiet --manifest-path "$work/Cargo.toml" -p "$stack-none"
done

TIMEFORMAT=%U
for ((round = 0; round < rounds; round++)); do
    for stack in "${stacks[@]}"; do
        for kind in "${kinds[@]}"; do
            touch "$work/$stack-$kind/src/lib.rs"
            user=$({ time cargo build --quiet --manifest-path "$work/Cargo.toml" -p "$stack-$kind" >&2; } 2>&1)
            echo "$stack $kind $user" >>"$work/times"
        done
    done
done

rustc --version
echo "$functions functions a crate, median of $rounds rounds, user time"
sort -k1,1 -k2,2 -k3,3n "$work/times" | awk -v functions="$functions" -v stacks="${stacks[*]}" '
    { times[$1, $2, ++count[$1, $2]] = $3 }
    function median(stack, kind,    n) {
        n = count[stack, kind]
        return (times[stack, kind, int((n + 1) / 2)] + times[stack, kind, int(n / 2) + 1]) / 2
    }
    function each(stack, kind) { return (median(stack, kind) - median(stack, "none")) * 1000 / functions }
    function ratio(net, ours) { return net > 0 ? sprintf("%.2f", ours / net) : "-" }
    END {
        print "| | async, ms a function | net of bare | ours ÷ it | sync, ms a function | net of bare | ours ÷ it |"
        print "| --- | ---: | ---: | ---: | ---: | ---: | ---: |"
        split(stacks, names, " ")
        for (i = 1; i in names; i++) {
            stack = names[i]
            printf "| %s |", stack
            for (j = 1; j <= 2; j++) {
                kind = j == 1 ? "async" : "sync"
                net = each(stack, kind) - each("bare", kind)
                ours = each("llmetry", kind) - each("bare", kind)
                printf " %.2f | %s | %s |", each(stack, kind), stack == "bare" ? "-" : sprintf("%.2f", net), \
                    stack == "bare" || stack == "llmetry" ? "" : ratio(net, ours)
            }
            print ""
        }
    }'

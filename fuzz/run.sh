#!/usr/bin/env bash
# Builds or runs the fuzz targets, with the toolchain at hand: a stable one and a C++ compiler are enough.
#
#   fuzz/run.sh check                    builds them all as fast as can be, and runs each over its corpus once: what CI calls
#   fuzz/run.sh build [target ...]       builds them for fuzzing: optimised, and counting what they reach
#   fuzz/run.sh SECONDS [target ...]     runs each so long, one after the other; a crash stops it and leaves its input in fuzz/artifacts/
#
# All code here is safe Rust, so no sanitizer watches over it: what is looked for is panics, overflows, broken promises and slowness.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"

what=${1:?check, build, or the seconds for each target}
shift
[ $# -gt 0 ] || set -- urlencoded multipart json dialect address redirect
root=${CARGO_TARGET_DIR:-$PWD/../target}

if [ "$what" = check ]; then
    cargo build --bins --target-dir "$root/fuzz-check"
    for target in "$@"; do
        # One by one: without counters there is nothing that a fuzzer could learn from the inputs as a whole.
        find "corpus/$target" -type f -print0 | xargs -0 "$root/fuzz-check/debug/$target" >"$root/fuzz-check/$target.log" 2>&1 || {
            tail -n 40 "$root/fuzz-check/$target.log" >&2
            exit 1
        }
        echo "$target: $(find "corpus/$target" -type f | wc -l) inputs kept, none fails"
    done
    exit
fi

# What the passes of a fuzzer are told; named with a target, so that build scripts and macros are built without them.
triple=$(rustc -vV | sed -n 's/^host: //p')
export RUSTFLAGS="--cfg fuzzing -Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 \
-Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-pc-table \
-Cllvm-args=-sanitizer-coverage-trace-compares"
bins=()
for target in "$@"; do bins+=(--bin "$target"); done
cargo build --release --target "$triple" --target-dir "$root/fuzz" "${bins[@]}"
[ "$what" != build ] || exit 0

for target in "$@"; do
    program=$root/fuzz/$triple/release/$target
    learned=$root/fuzz/learned/$target
    mkdir -p "$learned" artifacts "corpus/$target"
    # A post is 64 KiB at most; short inputs find as much and faster. Ten seconds for one input is as bad as a crash.
    "$program" -max_total_time="$what" -max_len=8192 -timeout=10 -print_final_stats=1 -artifact_prefix="artifacts/$target-" \
        "$learned" "corpus/$target"
    # What is kept is a small set that reaches every place reached, however often.
    fewest=$(mktemp -d)
    "$program" -set_cover_merge=1 -use_counters=0 -max_len=8192 "$fewest" "corpus/$target" "$learned" 2>"$root/fuzz/merge.log"
    rm -rf "corpus/$target" "$learned"
    mv "$fewest" "corpus/$target"
    chmod 755 "corpus/$target"
done

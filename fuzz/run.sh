#!/usr/bin/env bash
# Builds or runs the fuzz targets.
#
#   fuzz/run.sh build [target ...]       builds them
#   fuzz/run.sh SECONDS [target ...]     runs each so long, one after the other; a crash stops it and leaves its input in fuzz/artifacts/
#
# Needs a nightly toolchain with a C++ compiler. cargo-fuzz is installed into target/ where it is not there.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"

what=${1:?build, or the seconds for each target}
shift
[ $# -gt 0 ] || set -- urlencoded multipart json address redirect
tools=$PWD/../target/cargo-tools
if [ ! -x "$tools/bin/cargo-fuzz" ]; then
    cargo +nightly install cargo-fuzz --locked --quiet --root "$tools"
fi
export PATH="$tools/bin:$PATH" CARGO_TARGET_DIR=${CARGO_TARGET_DIR:-$PWD/../target/fuzz}

for target in "$@"; do
    if [ "$what" = build ]; then
        cargo +nightly fuzz build --fuzz-dir . "$target"
    else
        # A post is 64 KiB at most; short inputs find as much and faster.
        cargo +nightly fuzz run --fuzz-dir . "$target" -- -max_total_time="$what" -max_len=8192 -timeout=10 -print_final_stats=1
        # What is kept is the smallest set that reaches everything reached.
        cargo +nightly fuzz cmin --fuzz-dir . "$target"
    fi
done

#!/bin/sh
# Runs the browser tests: Lodestone as a visitor, a sales person and a mail scanner meet it, in headless Chromium.
#
#   tests/browser/run.sh [file.test.js ...]
#
# LODESTONE_BIN           the binary to test (target/debug/lodestone). Every test file starts it on a free port with a fresh data
#                         folder, waits for its first line, and stops it; an end that is not in good order fails the tests.
# CHROMIUM                the browser (/usr/bin/chromium). Debian's is installed where there is none, which needs root.
# LODESTONE_SCREENSHOTS   where a picture of every page goes (target/screenshots)
set -eu
cd "$(dirname "$0")"

binary=${LODESTONE_BIN:-target/debug/lodestone}
case $binary in
    /*) ;;
    *) binary=$(cd ../.. && pwd)/$binary ;;
esac
if [ ! -x "$binary" ]; then
    echo "run.sh: there is no binary $binary: run cargo build, or set LODESTONE_BIN" >&2
    exit 1
fi
export LODESTONE_BIN="$binary"

if [ ! -x "${CHROMIUM:-/usr/bin/chromium}" ]; then
    apt-get update -qq
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends chromium fonts-noto-core
fi
npm ci --no-audit --no-fund --silent

# One file after the other: a test measures how soon a mail arrives. The time-out of a file is for a browser that hangs.
[ $# -gt 0 ] || set -- ./*.test.js
exec node --test --test-concurrency=1 --test-timeout=300000 --test-reporter=spec "$@"

#!/bin/sh
# Takes a picture of everything that people see, to look at: mails, pages, answers of sales, local pages, reports.
#
#   tests/browser/gallery.sh [mails] [visitors] [sales] [local] [reports]
#
# The pictures go to target/screenshots/gallery, each on a desk, on a phone and by night. LODESTONE_BIN, CHROMIUM and
# LODESTONE_SCREENSHOTS are those of run.sh.
set -eu
cd "$(dirname "$0")"
npm ci --no-audit --no-fund --silent
exec node gallery.js "$@"

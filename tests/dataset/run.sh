#!/usr/bin/env bash
# A data set of 500 leads with a dated history (PyPI `leadforge`, MIT, seed 42): made, imported, scored, and replayed under two models.
# Leaves leads.csv, history.csv and replay.html in target/dataset; the report is looked at as a picture (replay.png) where there is a browser.
# Takes a built `lodestone` as its argument (default: target/debug/lodestone). Needs Python 3 and, the first time, the package registry.
set -euo pipefail
cd "$(dirname "$0")/../.."
binary=$(realpath "${1:-target/debug/lodestone}")
out=target/dataset
venv=$out/venv
mkdir -p "$out"
if [ ! -x "$venv/bin/leadforge" ]; then
  python3 -m venv "$venv"
  "$venv/bin/pip" install --quiet "leadforge==1.0.0"
fi
for mode in student_public research_instructor; do
  [ -d "$out/$mode" ] || "$venv/bin/leadforge" generate --recipe b2b_saas_procurement_v1 --seed 42 --mode "$mode" --n-leads 500 --out "$out/$mode" >/dev/null
done
"$venv/bin/python" tests/dataset/make.py "$out/student_public" "$out/research_instructor" "$out"

# The example site with the model of the data set in force.
rm -rf "$out/site" "$out/data"
cp -r infra/site "$out/site"
cp tests/dataset/first.toml "$out/site/scoring.toml"
"$binary" serve --addr 127.0.0.1:0 --data "$out/data" --site "$out/site" >"$out/serve.log" 2>&1 &
server=$!
trap 'kill $server 2>/dev/null || true' EXIT
for _ in $(seq 100); do
  url=$(sed -n 's/^listening on //p' "$out/serve.log")
  [ -n "$url" ] && break
  kill -0 $server
  sleep 0.2
done
here=(--data "$out/data" --site "$out/site")
"$binary" import "$out/leads.csv" "${here[@]}" --consent-purpose newsletter --dry-run
time "$binary" import "$out/leads.csv" "${here[@]}" --consent-purpose newsletter
time "$binary" import "$out/history.csv" "${here[@]}"
curl -fsS -X POST "$url/local/settle"
echo
"$binary" import "$out/history.csv" "${here[@]}" | tail -2
"$binary" rescore "${here[@]}"
time "$binary" replay "${here[@]}" --model tests/dataset/second.toml --until 2024-06-30 --count-imported --html "$out/replay.html"
if command -v chromium >/dev/null; then
  for look in "light 1100,2600" "phone 400,3600"; do
    read -r name size <<<"$look"
    chromium --headless --no-sandbox --hide-scrollbars --window-size="$size" --screenshot="$out/replay-$name.png" "file://$PWD/$out/replay.html" >/dev/null 2>&1
  done
fi

#!/usr/bin/env bash
# Holds a running Lodestone against docs/openapi.json: whatever is sent, no 5xx, and no answer that the file does not promise.
#
#   tests/contract/run.sh [further arguments of schemathesis run]
#
# LODESTONE_BIN        the binary (target/debug/lodestone); started on a free port with a data folder of its own, the example site, and
#                      one form more that is known by a name at every service
# LODESTONE_EXAMPLES   examples for each operation (1000)
#
# Prints how often each operation answered what. An operation that never took anything fails the run: then only refusals were tested.
# Needs Python 3 and, the first time, PyPI.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
binary=$(realpath "${LODESTONE_BIN:-target/debug/lodestone}")
here=tests/contract
out=$PWD/target/contract

# Made anew when a pin has changed.
if ! cmp -s "$here/requirements.txt" "$out/venv/pinned.txt"; then
    rm -rf "$out/venv"
    mkdir -p "$out"
    python3 -m venv "$out/venv"
    "$out/venv/bin/pip" install --quiet --disable-pip-version-check --requirement "$here/requirements.txt"
    cp "$here/requirements.txt" "$out/venv/pinned.txt"
fi

rm -rf "$out/site" "$out/data" "$out/counts.json"
cp -r infra/site "$out/site"
cp tests/forms/moved.toml "$out/site/forms/"
mkdir -p "$out/data/secrets/site"
printf k-e-y >"$out/data/secrets/site/google-leads"
printf app-secret >"$out/data/secrets/site/meta-app"
printf ask-me >"$out/data/secrets/site/meta-verify"

"$binary" serve --addr 127.0.0.1:0 --data "$out/data" --site "$out/site" >"$out/serve.log" 2>&1 &
server=$!
trap 'kill "$server" 2>/dev/null || true; wait "$server" 2>/dev/null || true' EXIT
for _ in $(seq 150); do
    url=$(sed -n 's/^listening on //p' "$out/serve.log")
    [ -z "$url" ] || break
    kill -0 "$server" 2>/dev/null || { cat "$out/serve.log" >&2; exit 1; }
    sleep 0.2
done

export LODESTONE_URL=$url LODESTONE_COUNTS=$out/counts.json SCHEMATHESIS_HOOKS=$PWD/$here/hooks.py PYTHONPYCACHEPREFIX=$out/pycache
status=0
# The time for an answer is that of the gateway: how busy this machine is, is no part of the contract.
# Where what it leaves behind does not matter, and with nothing kept from one run to the next.
(cd "$out" && venv/bin/schemathesis --config-file ../../"$here/schemathesis.toml" run ../../docs/openapi.json --url "$url" \
    --checks all --max-examples "${LODESTONE_EXAMPLES:-1000}" --phases examples,coverage,fuzzing --workers 2 --seed 1 \
    --max-redirects 0 --request-timeout 30 --max-response-time 29 --suppress-health-check all --continue-on-failure --warnings off \
    --generation-database none "$@") || status=$?
kill -0 "$server" || { echo "run.sh: the server is gone; see $out/serve.log" >&2; exit 1; }
"$out/venv/bin/python" "$here/table.py" docs/openapi.json "$out/counts.json" || status=1
exit "$status"

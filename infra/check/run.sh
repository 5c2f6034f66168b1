#!/usr/bin/env bash
# Proves infra/template.yaml and then the proof itself. Needs python3 and, the first time, PyPI; no account.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

venv=target/venv
pinned=infra/check/requirements.txt
# Made anew when a pin has changed.
if ! cmp -s "$pinned" "$venv/pinned.txt"; then
    rm -rf "$venv"
    python3 -m venv "$venv"
    "$venv/bin/pip" install --quiet --disable-pip-version-check --requirement "$pinned"
    cp "$pinned" "$venv/pinned.txt"
fi

export PYTHONPYCACHEPREFIX="$PWD/target/pycache"
"$venv/bin/python" infra/check/chain.py
"$venv/bin/python" infra/check/mutants.py

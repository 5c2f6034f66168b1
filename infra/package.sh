#!/usr/bin/env bash
# Builds what is deployed: a zip for each function and the checked site for the layer, under target/lambda/. Prints sizes and hashes, and
# refuses an artifact that would not start on Amazon Linux 2023.
#
#   infra/package.sh [arm64|x86_64] [FUNCTION ...]      x86_64 and all functions by default
set -euo pipefail
cd "$(dirname "$0")/.."

arch=x86_64
case "${1:-}" in arm64 | x86_64) arch=$1 && shift ;; esac
functions=("$@")
[ ${#functions[@]} -gt 0 ] || functions=(capture links score deliver notify feedback keep)
case $arch in
  # Amazon Linux 2023 has glibc 2.34: linking against that version makes the artifact independent of the build machine.
  x86_64) target=x86_64-unknown-linux-gnu ;;
  arm64) target=aarch64-unknown-linux-gnu ;;
esac

venv=target/venv-lambda
if [ ! -x "$venv/bin/cargo-lambda" ]; then
  python3 -m venv "$venv"
  "$venv/bin/pip" install --quiet --disable-pip-version-check cargo-lambda==1.9.* ziglang
fi
export PATH="$PWD/$venv/bin:$PATH"

# Each function alone: features must not leak from one into another.
for function in "${functions[@]}"; do
  cargo lambda build --quiet --release --locked --target "$target.2.34" --output-format zip -p "$function" --bin "$function"
done
mkdir -p target/lambda/site
cargo run --quiet --locked -- check --out target/lambda/site/site.bin >/dev/null

status=0
printf '%-10s %10s %8s  %s\n' function bytes glibc sha256
for function in "${functions[@]}"; do
  zip=target/lambda/$function/bootstrap.zip
  # What is in the zip stays beside it, for whoever wants to run it.
  unpacked=target/lambda/$function
  python3 -m zipfile -e "$zip" "$unpacked"
  chmod +x "$unpacked/bootstrap"
  glibc=$(objdump -T "$unpacked/bootstrap" | grep -oE 'GLIBC_[0-9.]+' | sort -V | tail -1)
  printf '%-10s %10s %8s  %s\n' "$function" "$(stat -c %s "$zip")" "${glibc#GLIBC_}" "$(sha256sum "$zip" | cut -c1-16)"
  if [ "$(printf '%s\n' GLIBC_2.34 "$glibc" | sort -V | tail -1)" != GLIBC_2.34 ]; then
    echo "$function needs $glibc, and Amazon Linux 2023 has 2.34" >&2
    status=1
  fi
done
printf '%-10s %10s %8s  %s\n' site "$(stat -c %s target/lambda/site/site.bin)" - "$(sha256sum target/lambda/site/site.bin | cut -c1-16)"
exit $status

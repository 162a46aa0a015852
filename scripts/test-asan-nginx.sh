#!/bin/sh
# Runs tests/http against nginx with the module under AddressSanitizer and UBSan: the
# process that writes a report ends by SIGABRT, and its test fails.
#
# usage: test-asan-nginx.sh BUILD_DIR [pytest's arguments]
#
# BUILD_DIR is one that `make test-asan` configured.
set -eu
root=$(cd "$(dirname "$0")/.." && pwd)
build=$(cd "$1" && pwd)
shift

ninja -C "$build" --quiet
ROWAN_CC="cc -fsanitize=address,undefined -fno-sanitize-recover=undefined" \
    "$root/src/nginx/build.sh" "$build"
sh "$root/scripts/assemble-share.sh" "$build"

venv=$("$root/scripts/venv.sh" "$root/tests/requirements.txt")
cd "$root"
NGINX=$root/tests/http/sanitized-nginx.sh ROWAN_BUILD_DIR=$build \
    exec "$venv/bin/python" -m pytest -q --tb=short "$@" tests/http

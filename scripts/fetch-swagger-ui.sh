#!/bin/sh
# Puts Swagger UI's files into BUILD_DIR/share/swagger-ui, out of a Python package
# that carries npm's swagger-ui-dist.
#
# usage: fetch-swagger-ui.sh BUILD_DIR
set -eu
target=$1/share/swagger-ui
[ -f "$target/swagger-ui-bundle.js" ] && exit 0
wheel=$("$(dirname "$0")/fetch.sh" swagger-ui)
unpacked=$(mktemp -d)
trap 'rm -rf "$unpacked"' EXIT
python3 -m zipfile -e "$wheel" "$unpacked"
files=$unpacked/drf_spectacular_sidecar/static/drf_spectacular_sidecar/swagger-ui-dist
mkdir -p "$target"
cp "$files/LICENSE" "$files/swagger-ui.css" "$files/favicon-32x32.png" \
    "$files/swagger-ui-bundle.js.LICENSE.txt" "$target"
cp "$files/swagger-ui-bundle.js" "$target" # last: its presence says complete
chmod -R a+rX "$1/share"

#!/bin/sh
# Puts Swagger UI's files into BUILD_DIR/share/swagger-ui, out of a Python package
# that carries npm's swagger-ui-dist. Pinned by version and SHA-256, kept in the
# user's cache.
#
# usage: fetch-swagger-ui.sh BUILD_DIR
set -eu
version=2026.10.1
sha256=fe1d005d8ac9b5d0472f2fe5deeb2e7d6dcffaa24118044f22578b4b8c4b31f2
target=$1/share/swagger-ui
cache=${XDG_CACHE_HOME:-$HOME/.cache}/rowan/swagger-ui
wheel=$cache/drf_spectacular_sidecar-$version-py3-none-any.whl

[ -f "$target/swagger-ui-bundle.js" ] && exit 0
if ! [ -f "$wheel" ]; then
    mkdir -p "$cache"
    python3 -m pip download --quiet --disable-pip-version-check --no-deps \
        --dest "$cache" "drf-spectacular-sidecar==$version" >&2
fi
if ! echo "$sha256  $wheel" | sha256sum --check --status; then
    rm -f "$wheel"
    echo "fetch-swagger-ui.sh: $wheel: unexpected content; removed, run again" >&2
    exit 1
fi
unpacked=$(mktemp -d)
trap 'rm -rf "$unpacked"' EXIT
python3 -m zipfile -e "$wheel" "$unpacked"
files=$unpacked/drf_spectacular_sidecar/static/drf_spectacular_sidecar/swagger-ui-dist
mkdir -p "$target"
cp "$files/LICENSE" "$files/swagger-ui.css" "$files/favicon-32x32.png" \
    "$files/swagger-ui-bundle.js.LICENSE.txt" "$target"
cp "$files/swagger-ui-bundle.js" "$target" # last: its presence says complete
chmod -R a+rX "$1/share"

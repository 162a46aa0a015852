#!/bin/sh
# Puts yyjson.h and yyjson.c into DIR, out of the source package of the Python
# bindings: Debian 12 has no yyjson.  Pinned by version and SHA-256, kept in the
# user's cache.
#
# usage: fetch-yyjson.sh DIR
set -eu
version=4.0.6
sha256=fcd4dc15c1e39a30bf9fa85d56903029111506860fc3080ab0d81c6c6dacaa8c
dir=$1
cache=${XDG_CACHE_HOME:-$HOME/.cache}/rowan/yyjson
archive=$cache/yyjson-$version.tar.gz

[ -f "$dir/yyjson.c" ] && exit 0
if ! [ -f "$archive" ]; then
    mkdir -p "$cache"
    python3 -m pip download --quiet --disable-pip-version-check --no-deps \
        --no-binary yyjson --dest "$cache" "yyjson==$version" >&2
fi
if ! echo "$sha256  $archive" | sha256sum --check --status; then
    rm -f "$archive"
    echo "fetch-yyjson.sh: $archive: unexpected content; removed, run again" >&2
    exit 1
fi
mkdir -p "$dir"
tar -xzf "$archive" -C "$dir" --strip-components=2 \
    "yyjson-$version/yyjson/yyjson.h" "yyjson-$version/yyjson/yyjson.c"

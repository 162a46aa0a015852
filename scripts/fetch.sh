#!/bin/sh
# Prints the path of an archive that scripts/third-party or third-party-tests names; gets it
# by its registry's own client when the user's cache does not have it yet, and proves its SHA-256.
#
# usage: fetch.sh NAME
set -eu
here=$(cd "$(dirname "$0")" && pwd)
name=$1
# shellcheck disable=SC2046 # the words of one row
set -- $(grep -h "^$name " "$here/third-party" "$here/third-party-tests")
[ $# = 7 ] || { echo "fetch.sh: $name: no such row in scripts/third-party" >&2; exit 1; }
client=$3 package=$4 version=$5 sha256=$7
cache=${XDG_CACHE_HOME:-$HOME/.cache}/rowan/third-party
archive=$cache/$name-$version.archive

# Each client leaves one file in the folder $fresh.
from_pypi() {
    python3 -m pip download --quiet --disable-pip-version-check --no-deps "$@" \
        --dest "$fresh" "$package==$version"
}

from_npm() {
    (cd "$fresh" && npm pack --silent "$package@$version")
}

from_crates() { # asking for the description of a crate downloads it
    (cd "$fresh" && cargo info --quiet "$package@$version")
    cp "${CARGO_HOME:-$HOME/.cargo}"/registry/cache/*/"$package-$version.crate" "$fresh/"
}

get() {
    case $client in
    sdist) from_pypi --no-binary "$package" ;;
    wheel) from_pypi ;;
    npm) from_npm ;;
    cargo) from_crates ;;
    esac
}

if ! [ -f "$archive" ]; then
    mkdir -p "$cache"
    fresh=$(mktemp -d "$cache/$name.XXXXXX")
    trap 'rm -rf "$fresh"' EXIT
    get >&2
    mv "$fresh"/* "$archive.$$"
    mv "$archive.$$" "$archive" # another run may have done the same meanwhile
fi
if ! echo "$sha256  $archive" | sha256sum --check --status; then
    rm -f "$archive"
    echo "fetch.sh: $archive: unexpected content; removed, run again" >&2
    exit 1
fi
echo "$archive"

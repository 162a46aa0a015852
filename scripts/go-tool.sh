#!/bin/sh
# Prints the path of a program of a Go module; builds it into the user's cache when it is not
# there yet. Go's checksum database says whether the source is the one that everybody has.
#
# usage: go-tool.sh PACKAGE@VERSION
set -eu
package=${1%@*} version=${1#*@}
name=$(basename "$package")
case $name in v[0-9]*) name=$(basename "$(dirname "$package")") ;; esac
tool=${XDG_CACHE_HOME:-$HOME/.cache}/rowan/go-tools/$name-$version
if ! [ -x "$tool" ]; then
    go=$("$(dirname "$0")/go.sh")
    echo "building $name $version" >&2
    # Under a name of its own until it is whole: another run may build at the same time.
    fresh=$tool.$$
    trap 'rm -rf "$fresh"' EXIT
    GOBIN=$fresh CGO_ENABLED=0 GOFLAGS=-buildvcs=false "$go" install -trimpath "$package@$version" >&2
    mv "$fresh/$name" "$tool"
fi
echo "$tool"

#!/bin/sh
# Puts uPlot, which draws the live page's charts, into BUILD_DIR/share/uplot.
#
# usage: fetch-uplot.sh BUILD_DIR
set -eu
target=$1/share/uplot
here=$(dirname "$0")
archive=$("$here/fetch.sh" uplot)
# The archive's name has its version: another version is put in place anew.
[ "$(cat "$target/.from" 2>/dev/null)" = "${archive##*/}" ] && exit 0
unpacked=$(mktemp -d)
trap 'rm -rf "$unpacked"' EXIT
tar -xzf "$archive" -C "$unpacked"
mkdir -p "$target"
cp "$unpacked/package/LICENSE" "$target/uPlot.LICENSE.txt"
cp "$unpacked/package/dist/uPlot.iife.min.js" "$unpacked/package/dist/uPlot.min.css" "$target"
chmod -R a+rX "$1/share"
echo "${archive##*/}" > "$target/.from" # last: it says complete

#!/bin/sh
# Builds the image without Docker: BUILD_DIR/rowan.oci.tar. BUILD_DIR: build/image.
#
# usage: build.sh [arguments of make.py]
#
# The same sources and the same Debian packages give the same bytes, wherever they lie.
set -eu
root=$(cd "$(dirname "$0")/.." && pwd)
build=$root/build/image
"$root/image/build-programs.sh" "$build"
rm -rf "$build/share/rowan"
sh "$root/scripts/assemble-share.sh" "$build"
exec python3 "$root/image/make.py" --build "$build" "$@"

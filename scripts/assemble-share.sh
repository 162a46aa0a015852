#!/bin/sh
# Puts together what `rowan serve` serves and reads, its ROWAN_SHARE_DIR: conf/ and
# pages/, with uPlot in pages/live and Swagger UI in pages/docs.
#
# usage: assemble-share.sh BUILD_DIR [TARGET]
#
# TARGET is BUILD_DIR/share/rowan by default; `meson install` gives another one.
set -eu
root=$(cd "$(dirname "$0")/.." && pwd)
build=$1
target=${2:-$1/share/rowan}

sh "$root/scripts/fetch-swagger-ui.sh" "$build"
sh "$root/scripts/fetch-uplot.sh" "$build"
mkdir -p "$target/conf" "$target/pages/live" "$target/pages/docs"
for file in rowan.conf.in rowan-errors.conf rowan-status.conf; do
    cp "$root/conf/$file" "$target/conf"
done
cp "$root"/share/live/* "$build"/share/uplot/* "$target/pages/live"
cp "$root"/share/docs/* "$build"/share/swagger-ui/* "$target/pages/docs"
chmod -R u=rwX,go=rX "$target"

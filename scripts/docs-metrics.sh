#!/bin/sh
# Writes the table of metrics into a page of the documentation, between its two marks.
#
# usage: docs-metrics.sh BUILD_DIR FILE
set -eu
table=$(mktemp)
trap 'rm -f "$table"' EXIT
"$1/src/cli/rowan" metrics --list > "$table"
sed -i -e '/<!-- metrics: begin -->/,/<!-- metrics: end -->/{//!d}' \
    -e "/<!-- metrics: begin -->/r $table" "$2"

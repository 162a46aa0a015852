#!/usr/bin/env bash
# Compiles ngx_http_rowan_module.so for the nginx of this system, by nginx's own
# build (package nginx-dev), against the archives in BUILD_DIR.
#
# usage: build.sh BUILD_DIR
#
# ROWAN_CC: the compiler with flags of its own, such as -fsanitize=address; default cc
set -eu
build=$(cd "$1" && pwd)
here=$(cd "$(dirname "$0")" && pwd)
source=${NGINX_SOURCE:-/usr/share/nginx/src}
compiler=${ROWAN_CC:-cc}
objects=$build/nginx
module=$build/ngx_http_rowan_module.so

if ! [ -f "$source/conf_flags" ]; then
    echo "build.sh: $source: no nginx source; install nginx-dev" >&2
    exit 1
fi
. "$here/archives.sh"
export ROWAN_LIBS="$libraries $(pkg-config --libs libprotobuf-c libcrypto)"

# The module is only valid for the nginx and the libraries that it was configured for; and the
# headers that it may depend on are listed when it is configured (config).
headers=$(cd "$here/../.." && echo include/*.h src/*/*.h)
version=$(dpkg-query -W -f '${Version}' nginx-dev 2>/dev/null || echo unknown)
wanted="$version $source $compiler $exact $ROWAN_LIBS $headers"
configured=$objects/configured
if ! [ -f "$configured" ] || [ "$(cat "$configured")" != "$wanted" ] ||
    [ "$here/config" -nt "$configured" ]; then
    rm -rf "$objects"
    mkdir -p "$objects"
    cp -RL "$source/." "$objects"
    # Debian gives its flags as one bash array.
    (cd "$objects" && . ./conf_flags && ./configure "${NGX_CONF_FLAGS[@]}" --with-compat \
        --add-dynamic-module="$here" > configure.log) || {
        tail -n 20 "$objects/configure.log" >&2
        exit 1
    }
    echo "$wanted" > "$configured"
fi

forget_if_older "$objects/objs/ngx_http_rowan_module.so"
make -C "$objects" -f objs/Makefile -s CC="$compiler $exact" modules \
    > "$objects/build.log" 2>&1 || {
    cat "$objects/build.log" >&2
    exit 1
}
cp -f "$objects/objs/ngx_http_rowan_module.so" "$module.new"
mv -f "$module.new" "$module"

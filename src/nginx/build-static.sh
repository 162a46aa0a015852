#!/usr/bin/env bash
# Builds BUILD_DIR/nginx/objs/nginx: the pinned nginx (scripts/third-party) as one static
# program with the rowan module inside and only those modules of its own that conf/ uses or
# that a canary, a shadow or a proxy in front needs.
#
# usage: build-static.sh BUILD_DIR
#
# ROWAN_CFLAGS, ROWAN_LDFLAGS: flags of compiler and linker
# ROWAN_WITH: objects and libraries of a program that nginx becomes a part of: one of them has
#             the main function, and nginx's own is called nginx_main
set -eu
build=$(cd "$1" && pwd)
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
objects=$build/nginx
. "$here/archives.sh"
export ROWAN_LIBS="${ROWAN_WITH-} $libraries $(pkg-config --static --libs libprotobuf-c libcrypto)"
archive=$("$root/scripts/fetch.sh" nginx)

# What --with-... has is in addition to nginx's standard modules, less those of --without-...
modules=(
    --with-threads
    --with-http_ssl_module --with-http_v2_module --with-http_realip_module
    --with-http_gzip_static_module --with-http_auth_request_module
    --without-http_ssi_module --without-http_userid_module --without-http_auth_basic_module
    --without-http_autoindex_module --without-http_referer_module --without-http_grpc_module
    --without-http_memcached_module --without-http_empty_gif_module
    --without-http_browser_module
    --without-select_module --without-poll_module --without-quic_bpf_module
)
# `nginx -V` tells the arguments, so they hold no path of this machine: the module is found
# through a link inside of the source.
arguments=(
    --prefix=/run/rowan --sbin-path=/usr/bin/nginx --conf-path=/run/rowan/nginx.conf
    --error-log-path=stderr --http-log-path=/dev/stdout
    --pid-path=/run/rowan/nginx.pid --lock-path=/run/rowan/nginx.lock
    --with-cc-opt="-O2 ${ROWAN_CFLAGS-} $exact" --with-ld-opt="${ROWAN_LDFLAGS-}"
    --add-module=rowan/src/nginx
)

wanted="$(sha256sum < "$archive") ${modules[*]} ${arguments[*]} $ROWAN_LIBS $(cat "$here/config")"
configured=$objects/configured
if ! [ -f "$configured" ] || [ "$(cat "$configured")" != "$wanted" ]; then
    rm -rf "$objects"
    mkdir -p "$objects"
    tar -xzf "$archive" -C "$objects" --strip-components=2 --wildcards 'nginx-src-*/nginx'
    ln -s "$root" "$objects/rowan"
    (cd "$objects" && bash auto/configure "${modules[@]}" "${arguments[@]}" > configure.log) || {
        tail -n 20 "$objects/configure.log" >&2
        exit 1
    }
    # No module is loaded at run time, so none needs the program's symbols.
    sed -i 's/-Wl,-E//' "$objects/objs/Makefile"
    echo "$wanted" > "$configured"
fi
forget_if_older "$objects/objs/nginx"
compile() { # TARGET
    make -C "$objects" -f objs/Makefile -s -j2 "$1" > "$objects/build.log" 2>&1 || {
        cat "$objects/build.log" >&2
        exit 1
    }
}

main=objs/src/core/nginx.o
compile "$main"
[ -z "${ROWAN_WITH-}" ] || objcopy --redefine-sym main=nginx_main "$objects/$main"
compile binary

#!/bin/sh
# Builds the image's program, BUILD_DIR/bin/rowan: static, stripped; nginx, rowan-stream
# and rowan-sync are links to it (program.c). BUILD_DIR/meson/nginx/objs/nginx has its symbols still.
#
# usage: build-programs.sh BUILD_DIR
#
# BUILD_DIR lies two levels below the root of the sources: paths inside of the program are
# then the same wherever that is.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/.." && pwd)
mkdir -p "$1/bin"
build=$(cd "$1" && pwd)
. "$here/flags.sh"
librdkafka=$("$here/build-librdkafka.sh")
curl=$("$here/build-curl.sh")
paths=$librdkafka/lib/pkgconfig:$curl/lib/pkgconfig
cc=${CC:-cc}
programs="src/cli/rowan src/stream/rowan-stream src/sync/rowan-sync"

# -O3 and debug information are meson.build's own: what is benchmarked is what is shipped.
configured="$librdkafka $curl $hardened $linked"
if [ "$configured" != "$(cat "$build/configured" 2>/dev/null)" ]; then
    rm -rf "$build/meson"
    meson setup "$build/meson" "$root" -Dprefer_static=true \
        --pkg-config-path "$paths" \
        -Dc_args="$hardened -ffile-prefix-map=$root=. -ffile-prefix-map=$librdkafka=librdkafka" \
        -Dc_link_args="$linked" > "$build/meson.log" || {
        tail -n 20 "$build/meson.log" >&2
        exit 1
    }
    echo "$configured" > "$build/configured"
fi
# shellcheck disable=SC2086 # a list of words
ninja -C "$build/meson" --quiet $programs > "$build/ninja.log" || {
    tail -n 20 "$build/ninja.log" >&2
    exit 1
}

# The objects with the main functions, each under a name of its own, and all archives of them.
renamed() { # OBJECT NAME
    objcopy --redefine-sym "main=$2" "$build/meson/$1" "$build/$2.o"
    echo "$build/$2.o"
}
# shellcheck disable=SC2086 # lists of words
$cc -O2 $hardened -fPIE -ffile-prefix-map="$root=." -c "$here/program.c" -o "$build/program.o"
archives=$(ninja -C "$build/meson" -t inputs $programs |
    grep '\.a$' | grep -v '^/' | sort -u | sed "s|^|$build/meson/|")
libraries=$(PKG_CONFIG_PATH=$paths pkg-config --static --libs rdkafka jemalloc libcurl expat yaml-0.1)
ROWAN_WITH="$build/program.o $(renamed src/cli/rowan.p/main.c.o rowan_main) \
    $(renamed src/stream/rowan-stream.p/main.c.o rowan_stream_main) \
    $(renamed src/sync/rowan-sync.p/main.c.o rowan_sync_main) \
    -Wl,--start-group $archives -Wl,--end-group $libraries"
ROWAN_WITH=$(echo $ROWAN_WITH) ROWAN_CFLAGS=$hardened ROWAN_LDFLAGS=$linked \
    "$root/src/nginx/build-static.sh" "$build/meson"

strip --strip-all --remove-section=.comment -o "$build/bin/rowan" "$build/meson/nginx/objs/nginx"
for name in nginx rowan-stream rowan-sync; do
    ln -sf rowan "$build/bin/$name"
done

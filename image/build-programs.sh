#!/bin/sh
# Builds the image's programs, each one static file: BUILD_DIR/bin/{rowan,rowan-stream,nginx},
# stripped; BUILD_DIR/meson and BUILD_DIR/nginx keep them with their symbols.
#
# usage: build-programs.sh BUILD_DIR
#
# BUILD_DIR lies two levels below the root of the sources: paths inside of the programs are
# then the same wherever that is.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/.." && pwd)
mkdir -p "$1"
build=$(cd "$1" && pwd)
. "$here/flags.sh"
librdkafka=$("$here/build-librdkafka.sh")

# -O3 and debug information are meson.build's own; what is benchmarked is what is shipped.
if ! [ -f "$build/meson/build.ninja" ] || ! [ "$librdkafka" = "$(cat "$build/librdkafka" 2>/dev/null)" ]; then
    rm -rf "$build/meson"
    meson setup "$build/meson" "$root" -Dprefer_static=true \
        --pkg-config-path "$librdkafka/lib/pkgconfig" \
        -Dc_args="$hardened -ffile-prefix-map=$root=. -ffile-prefix-map=$librdkafka=librdkafka" \
        -Dc_link_args="$linked" > "$build/meson.log" || { tail -n 20 "$build/meson.log" >&2; exit 1; }
    echo "$librdkafka" > "$build/librdkafka"
fi
ninja -C "$build/meson" --quiet src/cli/rowan src/stream/rowan-stream
ROWAN_CFLAGS=$hardened ROWAN_LDFLAGS=$linked "$root/src/nginx/build-static.sh" "$build/meson"

mkdir -p "$build/bin"
for program in src/cli/rowan src/stream/rowan-stream nginx/objs/nginx; do
    strip --strip-all --remove-section=.comment \
        -o "$build/bin/$(basename "$program")" "$build/meson/$program"
done

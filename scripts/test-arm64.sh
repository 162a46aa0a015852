#!/bin/sh
# Builds the C code for 64-bit ARM and runs its unit tests under QEMU: the same bits,
# from NEON. Adds Debian's arm64 packages to this machine (as root).
#
# usage: test-arm64.sh BUILD_DIR
set -eu
build=$1
if ! dpkg --print-foreign-architectures | grep -qx arm64; then
    dpkg --add-architecture arm64
    apt-get update -q >/dev/null
fi
here=$(dirname "$0")
"$here/packages.sh" gcc-aarch64-linux-gnu qemu-user-static libc6-dev-arm64-cross \
    libcmocka-dev:arm64 libxxhash-dev:arm64 libprotobuf-c-dev:arm64 libssl-dev:arm64 librdkafka-dev:arm64
[ -f "$build/build.ninja" ] || meson setup --cross-file "$here/aarch64.ini" "$build" >/dev/null
ninja -C "$build" --quiet
meson test -C "$build" --print-errorlogs test_kernel test_kernel_shapes test_image test_predict \
    test_link test_forest test_contributions

#!/bin/sh
# For `meson install`: ROWAN_SHARE_DIR of the installed program.
set -eu
exec sh "$MESON_SOURCE_ROOT/scripts/assemble-share.sh" "$MESON_BUILD_ROOT" \
    "$MESON_INSTALL_DESTDIR_PREFIX/share/rowan"

#!/bin/sh
# Builds librdkafka as a static library and prints the folder that it is installed in, of
# the user's cache: TLS, SASL PLAIN, SCRAM and OAUTHBEARER; gzip, snappy, lz4, zstd.
# Without Kerberos and without OIDC's HTTP client, whose libraries are larger than all else.
#
# usage: build-librdkafka.sh
set -eu
here=$(cd "$(dirname "$0")" && pwd)
. "$here/flags.sh"
archive=$("$here/../scripts/fetch.sh" librdkafka)
digest=$(cat "$archive" "$0" "$here/flags.sh" "$here/librdkafka-coordinator.patch" | sha256sum | cut -c1-12)
prefix=${XDG_CACHE_HOME:-$HOME/.cache}/rowan/image/librdkafka-$digest
if [ -d "$prefix" ]; then
    echo "$prefix"
    exit 0
fi

# It looks for the CA certificates of the system itself, as it has no shared OpenSSL to do so.
probe=-DWITH_STATIC_LIB_libcrypto=1
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
tar -xzf "$archive" -C "$work" --strip-components=3 package/deps/librdkafka
patch --quiet --fuzz=0 --directory="$work" --strip=1 < "$here/librdkafka-coordinator.patch"
# The package's archive does not keep the right to execute. The library in C++ is not built; its
# compiler is only asked for.
(cd "$work" && chmod +x configure *.sh *.py && CXX=cc bash ./configure --prefix="$prefix" \
    --enable-static --enable-ssl --enable-zlib --enable-zstd --disable-lz4-ext \
    --disable-gssapi --disable-curl --disable-syslog --disable-debug-symbols \
    --CFLAGS="-O2 -fPIC -ffile-prefix-map=$work=librdkafka $hardened $probe" &&
    make -j2 -C src && make -C src DESTDIR="$work/out" install) \
    > "$work.log" 2>&1 || { tail -n 30 "$work.log" >&2; exit 1; }
rm -f "$work.log"
# Static only: the linker would prefer the shared library.
rm -f "$work/out$prefix"/lib/*.so* "$work/out$prefix"/lib/*-static.a "$work/out$prefix"/lib/pkgconfig/*-static.pc
mkdir -p "$prefix.$$"
cp -R "$work/out$prefix/." "$prefix.$$"
cp "$work"/LICENSES.txt "$prefix.$$/LICENSES.txt"
mv -T "$prefix.$$" "$prefix" 2>/dev/null || rm -rf "$prefix.$$" # another run was faster
echo "$prefix"

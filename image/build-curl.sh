#!/bin/sh
# Builds libcurl as a static library and prints the folder that it is installed in, of the
# user's cache: HTTP/1.1 and HTTPS by OpenSSL, Basic and Bearer, AWS' signatures, proxies. Debian's
# own archive asks for HTTP/2, SSH, LDAP, Kerberos and more, which rowan-sync never speaks.
#
# usage: build-curl.sh
set -eu
here=$(cd "$(dirname "$0")" && pwd)
. "$here/flags.sh"
archive=$("$here/../scripts/fetch.sh" curl)
digest=$(cat "$archive" "$0" "$here/flags.sh" | sha256sum | cut -c1-12)
prefix=${XDG_CACHE_HOME:-$HOME/.cache}/rowan/image/curl-$digest
if [ -d "$prefix" ]; then
    echo "$prefix"
    exit 0
fi

options="BUILD_SHARED_LIBS=OFF BUILD_STATIC_LIBS=ON BUILD_CURL_EXE=OFF BUILD_TESTING=OFF
    BUILD_EXAMPLES=OFF BUILD_LIBCURL_DOCS=OFF BUILD_MISC_DOCS=OFF ENABLE_CURL_MANUAL=OFF
    HTTP_ONLY=ON CURL_USE_OPENSSL=ON ENABLE_THREADED_RESOLVER=ON
    CURL_CA_BUNDLE=/etc/ssl/certs/ca-certificates.crt CURL_CA_PATH=none
    CURL_DISABLE_OPENSSL_AUTO_LOAD_CONFIG=ON ENABLE_UNIX_SOCKETS=OFF"
for unused in CURL_ZLIB CURL_BROTLI CURL_ZSTD USE_NGHTTP2 USE_LIBIDN2 CURL_USE_LIBPSL \
    CURL_USE_LIBSSH2; do
    options="$options $unused=OFF"
done
for unused in ALTSVC COOKIES DIGEST_AUTH DOH FORM_API GETOPTIONS HSTS KERBEROS_AUTH MIME \
    NEGOTIATE_AUTH NETRC PROGRESS_METER SHUFFLE_DNS WEBSOCKETS; do
    options="$options CURL_DISABLE_$unused=ON"
done

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
tar -xzf "$archive" -C "$work" --strip-components=2 --wildcards 'curl-sys-*/curl'
# The crate leaves the manual out, whose folder is asked for all the same.
mkdir "$work/docs"
: > "$work/docs/CMakeLists.txt"
# shellcheck disable=SC2086,SC2046 # lists of words
(cmake -S "$work" -B "$work/build" -DCMAKE_INSTALL_PREFIX="$prefix" -DCMAKE_INSTALL_LIBDIR=lib \
    -DCMAKE_BUILD_TYPE=None -DCMAKE_C_FLAGS="-O2 -fPIC -ffile-prefix-map=$work=curl $hardened" \
    $(printf -- '-D%s ' $options) &&
    cmake --build "$work/build" -j2 &&
    DESTDIR=$work/out cmake --install "$work/build") \
    > "$work.log" 2>&1 || { tail -n 30 "$work.log" >&2; exit 1; }
rm -f "$work.log"
[ -f "$work/out$prefix/lib/libcurl.a" ] # else the linker would take Debian's
mkdir -p "$prefix.$$"
cp -R "$work/out$prefix/." "$prefix.$$"
mv -T "$prefix.$$" "$prefix" 2>/dev/null || rm -rf "$prefix.$$" # another run was faster
echo "$prefix"

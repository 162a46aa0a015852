#!/bin/sh
# Prints the path of Docker's compose: the plugin of this machine, else one built from its Go
# module, pinned, into the user's cache.
#
# usage: compose.sh
set -eu
version=v2.40.3
for folder in "$HOME/.docker" /usr/local/lib/docker /usr/lib/docker /usr/libexec/docker; do
    if [ -x "$folder/cli-plugins/docker-compose" ]; then
        echo "$folder/cli-plugins/docker-compose"
        exit 0
    fi
done
program=${XDG_CACHE_HOME:-$HOME/.cache}/rowan/image/docker-compose-$version
if ! [ -x "$program" ]; then
    echo "building docker compose $version" >&2
    work=$(mktemp -d)
    trap 'rm -rf "$work"' EXIT
    cd "$work"
    go mod init compose 2>/dev/null
    printf '//go:build tools\npackage tools\nimport _ "github.com/docker/compose/v2/cmd"\n' > tools.go
    go get "github.com/docker/compose/v2@$version" 2>/dev/null
    mkdir -p "${program%/*}"
    go build -mod=mod -trimpath -ldflags "-s -w -X github.com/docker/compose/v2/internal.Version=$version" \
        -o "$program.$$" github.com/docker/compose/v2/cmd >&2
    mv "$program.$$" "$program"
fi
echo "$program"

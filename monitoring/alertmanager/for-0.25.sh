#!/bin/sh
# Prints alertmanager.yml for Alertmanager 0.25 (Debian 12), which has no bot_token_file: the token
# itself stands in what is printed. Give that to Alertmanager's user alone:
#
#   (umask 077 && ./for-0.25.sh > /etc/prometheus/alertmanager.yml)
#   chown prometheus: /etc/prometheus/alertmanager.yml
#
# usage: for-0.25.sh [ALERTMANAGER.YML]
set -eu
file=${1:-$(dirname "$0")/alertmanager.yml}
token_file=$(sed -n 's/^ *bot_token_file: *//p' "$file" | sort -u)
token=$(cat "$token_file")
case $token in *[!0-9A-Za-z:_-]*|'') echo "for-0.25.sh: no token in $token_file" >&2; exit 1 ;; esac
sed "s/bot_token_file: .*/bot_token: \"$token\"/" "$file"

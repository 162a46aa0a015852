#!/bin/sh
# Prints Alertmanager's configuration for compose.yaml: the routes and inhibitions of a
# configuration, and its receivers by their names alone, which send nothing.
#
# usage: compose-alertmanager.sh CONFIGURATION
set -eu
cat <<'END'
# Alertmanager of compose.yaml. Made of monitoring/alertmanager/alertmanager.yml by
# `make docs-alerts`: change that one. Its receivers send nothing: a laptop has no mail server and
# no secrets, and messages that cannot be sent would fill the log. Alerts stay on Alertmanager's own
# page, grouped, hidden and addressed as they would be elsewhere.
receivers:
END
sed -n '/^receivers:/,/^[#r]oute/{/^  - name: /p}' "$1"
echo
sed -n '/^# Alerts of others/,$p' "$1"

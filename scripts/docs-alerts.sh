#!/bin/sh
# Writes what the pages say of the alerts: the rule in each runbook, their index, and the tables of
# monitoring/README.md. An alert without a runbook is an error.
#
# usage: docs-alerts.sh
set -eu
python=$(scripts/venv.sh tests/requirements.txt)/bin/python
for name in $("$python" scripts/alerts.py names); do
    scripts/docs-table.sh "docs/runbooks/$name.md" alert "$python" scripts/alerts.py one "$name"
done
scripts/docs-table.sh docs/runbooks/README.md alerts "$python" scripts/alerts.py index
for table in alerts recorded; do
    scripts/docs-table.sh monitoring/README.md $table "$python" scripts/alerts.py $table
done

#!/bin/sh
# Prints the PrometheusRule of files of rules: kustomize cannot put one file into another.
#
# usage: prometheusrule.sh RULES...
set -eu
cat <<'END'
# Made of monitoring/alerts/ml-recording-rules.yaml and monitoring/alerts/ml-alerts.yaml by
# `make docs-alerts`: change those.
apiVersion: monitoring.coreos.com/v1
kind: PrometheusRule
metadata:
  name: tasks10-ml-service
  labels:
    app.kubernetes.io/name: tasks10-ml-service
spec:
  groups:
END
for rules in "$@"; do
    sed -e '1,/^groups:/d' -e 's/^..*/  &/' "$rules"
done

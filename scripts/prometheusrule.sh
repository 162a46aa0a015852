#!/bin/sh
# Prints the PrometheusRule of a file of alerting rules: kustomize cannot put one file into another.
#
# usage: prometheusrule.sh RULES
set -eu
cat <<'END'
# Made of monitoring/alerts/ml-alerts.yaml by `make docs-alerts`: change that one.
apiVersion: monitoring.coreos.com/v1
kind: PrometheusRule
metadata:
  name: tasks10-ml-service
  labels:
    app.kubernetes.io/name: tasks10-ml-service
spec:
END
sed -n -e '/^groups:/,$p' "$1" | sed -e 's/^..*/  &/'

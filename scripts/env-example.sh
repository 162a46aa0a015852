#!/bin/sh
# Prints .env.example: every setting of `rowan serve` and of rowan-stream, as the
# programs list them. What both have stands once.
#
# usage: env-example.sh BUILD_DIR
set -eu
cat <<'END'
# Settings of the service. Copy this file to .env and take the "#" off the lines to
# change; a variable that is set to nothing is not set. docs/http.md and docs/kafka.md
# say more. `make docs-settings` makes this file out of the programs.
#
# MLFLOW_* (the model registry) come with the registry's follower.

# ==== HTTP: rowan serve

END
"$1/src/cli/rowan" serve --env-example
cat <<'END'

# ==== Kafka: rowan-stream
# Any property of librdkafka, too: KAFKA_SASL_USERNAME is sasl.username.

END
# A paragraph of comments that ends with "#NAME=".
variables=$("$1/src/cli/rowan" serve --env-example | sed -n 's/^#\([A-Z_]*\)=.*/\1/p')
"$1/src/stream/rowan-stream" --env-example | awk -v known="$variables" '
    BEGIN { RS = ""; n = split(known, names, "\n"); for (i = 1; i <= n; i++) is_known[names[i]] }
    /\n#[A-Z_]*=[^\n]*$/ {
        name = $0; sub(/.*\n#/, "", name); sub(/=.*/, "", name)
        if (name in is_known) { both = both " " name; next }
    }
    { print between $0; between = "\n" }
    END { print "\n# Of both programs, and above:" both "." }'
cat <<'END'
# rowan-stream has no METRICS_DIR by default: its probes need one. Its transactional ids
# have the REPLICA_ID: no two that run at the same time may have the same.
END

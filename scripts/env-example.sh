#!/bin/sh
# Prints .env.example: every setting of `rowan serve`, of rowan-stream and of rowan-sync,
# as the programs list them. What several have stands once.
#
# usage: env-example.sh BUILD_DIR
set -eu
cat <<'END'
# Settings of the service. Copy this file to .env and take the "#" off the lines to
# change; a variable that is set to nothing is not set. docs/http.md, docs/kafka.md and
# docs/sync.md say more. `make docs-settings` makes this file out of the programs.

# ==== HTTP: rowan serve

END
"$1/src/cli/rowan" serve --env-example
cat <<'END'

# ==== Kafka: rowan-stream
# Any property of librdkafka, too: KAFKA_SASL_USERNAME is sasl.username.

END
variables=$("$1/src/cli/rowan" serve --env-example | sed -n 's/^#\([A-Z0-9_]*\)=.*/\1/p')
# The settings of one more program, without those that are above already. A setting is a
# paragraph of comments that ends with "#NAME=".
others() {
    awk -v known="$variables" '
    BEGIN { RS = ""; n = split(known, names, "\n"); for (i = 1; i <= n; i++) is_known[names[i]] }
    /\n#[A-Z0-9_]*=[^\n]*$/ {
        name = $0; sub(/.*\n#/, "", name); sub(/=.*/, "", name)
        if (name in is_known) { both = both " " name; next }
    }
    { print between $0; between = "\n" }
    END { print "\n# Of several programs, and above:" both "." }'
}
"$1/src/stream/rowan-stream" --env-example | others
cat <<'END'
# rowan-stream has no METRICS_DIR by default: its probes need one. Its transactional ids
# have the REPLICA_ID: no two that run at the same time may have the same.
END
cat <<'END'

# ==== The model registry: rowan-sync

END
"$1/src/sync/rowan-sync" --env-example | others
cat <<'END'
# rowan-sync has no METRICS_DIR by default; MODEL_DIR is the link that it swaps.
END

"""How a container of the image starts. The Dockerfile says the same; a test compares them."""

from tree import USER

NAME = "tasks10-ml-api:metrics"
PORT = 8000


def configuration(labels):
    return {
        "User": f"{USER}:{USER}",
        "WorkingDir": "/run/rowan",
        "Entrypoint": ["/usr/bin/rowan", "serve"],
        "ExposedPorts": {f"{PORT}/tcp": {}},
        # nginx finishes its requests at SIGQUIT; SIGTERM cuts them.
        "StopSignal": "SIGQUIT",
        "Env": ["PATH=/usr/bin", "API_HOST=0.0.0.0", f"API_PORT={PORT}",
                "ENVIRONMENT=production", "MODEL_DIR=/models/fraud", "RUNTIME_DIR=/run/rowan",
                "SSL_CERT_FILE=/etc/ssl/certs/ca-certificates.crt"],
        "Labels": labels,
    }


def labels(version, revision, created):
    """Of the keys that OCI has names for; `source` is for who publishes the image to set."""
    names = {"title": "Rowan", "description": "Scores card transactions for fraud",
             "licenses": "Apache-2.0", "source": "", "version": version, "revision": revision,
             "created": created}
    return {f"org.opencontainers.image.{name}": value for name, value in names.items()}

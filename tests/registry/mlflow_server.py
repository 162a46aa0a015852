"""A real MLflow server: tracking, model registry and artifacts."""

import json
import os
import subprocess
from pathlib import Path

from real_server import RealServer, free_ports, tools

HERE = Path(__file__).resolve().parent
PASSWORD = "local-test-pw-1"


class MlflowServer(RealServer):
    """MlflowServer(folder): keeps everything in the folder, artifacts go through its proxy.
    auth=True: basic authentication, as admin. s3=server, bucket=name: artifacts lie in S3, behind
    the proxy, or proxied=False: clients go there themselves; without a bucket clients only learn
    where S3 is, for experiments that keep their artifacts there."""

    def __init__(self, folder, auth=False, s3=None, bucket=None, proxied=True, host="127.0.0.1"):
        super().__init__(folder)
        [self.port] = free_ports(1)
        self.url = f"http://{host}:{self.port}"
        self.ready_url = f"{self.url}/health"
        self.auth = ("admin", PASSWORD) if auth else None
        self.s3 = s3
        self.environment = {
            "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false", "MLFLOW_DISABLE_TELEMETRY": "true",
            "DO_NOT_TRACK": "true", "PATH": f"{tools()}:{os.environ['PATH']}",
            **(s3.client_environment if s3 else {})}
        artifacts = f"s3://{bucket}/mlflow" if bucket else self.folder / "artifacts"
        self.command = [
            tools() / "mlflow", "server", "--host", host, "--port", str(self.port),
            "--workers", "1", "--backend-store-uri", f"sqlite:///{self.folder}/mlflow.db",
            *(["--serve-artifacts", "--artifacts-destination", artifacts] if proxied else
              ["--no-serve-artifacts", "--default-artifact-root", artifacts]),
            *(["--app-name", "basic-auth"] if auth else [])]
        if auth:
            self._ask_for_passwords()

    def _ask_for_passwords(self):
        ini = self.folder / "auth.ini"
        ini.write_text(
            "[mlflow]\ndefault_permission = READ\n"
            f"database_uri = sqlite:///{self.folder}/auth.db\n"
            f"admin_username = admin\nadmin_password = {PASSWORD}\n"
            "authorization_function = mlflow.server.auth:authenticate_request_basic_auth\n")
        self.environment |= {"MLFLOW_AUTH_CONFIG_PATH": str(ini),
                             "MLFLOW_FLASK_SERVER_SECRET_KEY": "not-secret"}

    @property
    def client_environment(self):
        """What a client of this server finds in its environment, MLflow's own or rowan-sync."""
        found = {"MLFLOW_TRACKING_URI": self.url, "MLFLOW_DISABLE_TELEMETRY": "true"}
        if self.auth:
            found |= {"MLFLOW_TRACKING_USERNAME": self.auth[0],
                      "MLFLOW_TRACKING_PASSWORD": self.auth[1]}
        return found | (self.s3.client_environment if self.s3 else {})

    def log_models(self, *wanted):
        """Logs and registers models by MLflow's own client, all in one process: see
        log_models.py for what each dictionary may say, and what the list of results has."""
        process = subprocess.run(
            [tools() / "python", HERE / "log_models.py"], input=json.dumps(wanted), text=True,
            capture_output=True, cwd=self.folder, env={**os.environ, **self.client_environment})
        assert process.returncode == 0, process.stderr
        return json.loads(process.stdout)

    def call(self, path, **body):
        """A POST of MLflow's REST, such as call("registered-models/alias", name=..., ...); by
        curl, and much quicker than a Python client. `method` is another verb."""
        method = body.pop("method", "POST")
        process = subprocess.run(
            ["curl", "--silent", "--show-error", "--fail-with-body", "--request", method,
             *(["--user", ":".join(self.auth)] if self.auth else []),
             "--json", json.dumps(body), f"{self.url}/api/2.0/mlflow/{path}"],
            capture_output=True, text=True)
        assert process.returncode == 0, (path, process.stdout, process.stderr)
        return json.loads(process.stdout or "{}")

    def set_alias(self, name, alias, version):
        self.call("registered-models/alias", name=name, alias=alias, version=str(version))

    def delete_alias(self, name, alias):
        self.call("registered-models/alias", method="DELETE", name=name, alias=alias)

    def set_tag(self, name, version, key, value):
        self.call("model-versions/set-tag", name=name, version=str(version), key=key, value=value)

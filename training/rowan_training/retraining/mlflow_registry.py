"""The model registry: MLflow's client, with errors that say whether a retry may help."""

import hashlib
import json
import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path

import requests

# Before mlflow is imported, which reads them then. A retry of the task is the better patience.
os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "2")
os.environ.setdefault("MLFLOW_HTTP_REQUEST_TIMEOUT", "60")
os.environ.setdefault("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")

from mlflow import MlflowClient  # noqa: E402
from mlflow.artifacts import download_artifacts  # noqa: E402
from mlflow.entities.model_registry import ModelVersion  # noqa: E402
from mlflow.exceptions import MlflowException  # noqa: E402

from rowan_training.errors import ServerAway, WorkError  # noqa: E402
from rowan_training.retraining.settings import Settings  # noqa: E402

log = logging.getLogger(__name__)
logging.getLogger("urllib3.connectionpool").setLevel(logging.ERROR)

CHAMPION = "champion"
CHALLENGER = "challenger"
VERSION_TAG = "rowan.version"
DIGESTS_TAG = "rowan.sha256"
PREVIOUS_TAG = "rowan.previous"
ROLLED_BACK_TAG = "rowan.rolled_back"
SERVED = ("contract.json", "golden.jsonl")
SECONDS_TO_ANSWER = 20


class Registry:
    """The registered model of the settings."""

    def __init__(self, settings: Settings) -> None:
        self.name = settings.model_name
        self.uri = settings.need("tracking_uri")

    @cached_property
    def client(self) -> MlflowClient:
        return MlflowClient(tracking_uri=self.uri)

    @contextmanager
    def asked(self, what: str) -> Iterator[MlflowClient]:
        """Errors inside are told as `what` failed, and tell a server that is away from one that says no."""
        try:
            self._look()
            yield self.client
        except MlflowException as error:
            raise self._told(what, error) from error
        except (requests.ConnectionError, requests.Timeout) as error:
            raise ServerAway(f"{what}: MLflow at {self.uri} does not answer ({error}): start it, then retry") from error

    def _look(self) -> None:
        """Quickly: MLflow's own client would go on trying for minutes."""
        if self.uri.startswith("http"):
            requests.get(f"{self.uri.rstrip('/')}/health", timeout=SECONDS_TO_ANSWER)

    def _told(self, what: str, error: MlflowException) -> WorkError:
        status = error.get_http_status_code()
        text = str(error).strip().splitlines()[0][:300]
        if status in (401, 403):
            return WorkError(f"{what}: MLflow at {self.uri} refuses us ({text}): check MLFLOW_TRACKING_USERNAME and _PASSWORD")
        if status >= 500 or status == 429:
            return ServerAway(f"{what}: MLflow at {self.uri} fails ({text}): look at its log, then retry")
        return WorkError(f"{what}: MLflow at {self.uri} says {text}")

    def by_alias(self, alias: str) -> ModelVersion | None:
        with self.asked(f"asking for {self.name}@{alias}") as client:
            try:
                return client.get_model_version_by_alias(self.name, alias)
            except MlflowException as error:
                # A missing model is RESOURCE_DOES_NOT_EXIST, a missing alias INVALID_PARAMETER_VALUE.
                if error.error_code == "RESOURCE_DOES_NOT_EXIST" or f"alias {alias} not found" in str(error):
                    return None
                raise

    def by_rowan_version(self, version: str) -> ModelVersion | None:
        """The oldest one that is registered under this version of ours."""
        with self.asked(f"looking for {self.name} {version}") as client:
            found = client.search_model_versions(f"name = '{self.name}' and tags.`{VERSION_TAG}` = '{version}'")
        return min(found, key=lambda one: int(one.version), default=None)

    def set_alias(self, alias: str, registry_version: str) -> None:
        with self.asked(f"setting {self.name}@{alias} to version {registry_version}") as client:
            client.set_registered_model_alias(self.name, alias, registry_version)
        log.info("%s@%s is version %s now", self.name, alias, registry_version)

    def drop_alias(self, alias: str, registry_version: str) -> None:
        """If it still names this version."""
        held = self.by_alias(alias)
        if held is None or held.version != registry_version:
            return
        with self.asked(f"deleting {self.name}@{alias}") as client:
            client.delete_registered_model_alias(self.name, alias)
        log.info("%s@%s is deleted", self.name, alias)

    def tag(self, registry_version: str, key: str, value: str) -> None:
        with self.asked(f"tagging version {registry_version} of {self.name}") as client:
            client.set_model_version_tag(self.name, registry_version, key, value)

    def download(self, registry_version: str, into: Path) -> Path:
        """The folder of the artifacts, below `into`."""
        with self.asked(f"downloading version {registry_version} of {self.name}") as client:
            uri = client.get_model_version_download_uri(self.name, registry_version)
            return Path(download_artifacts(artifact_uri=uri, dst_path=str(into), tracking_uri=self.uri))


def digests(model: Path) -> dict[str, str]:
    """sha256 of the files that are served."""
    names = (model_file(model), *SERVED)
    return {name: hashlib.sha256((model / name).read_bytes()).hexdigest() for name in names}


def model_file(model: Path) -> str:
    try:
        contract = json.loads((model / "contract.json").read_text(encoding="utf-8"))
        return str(contract["x-rowan"]["model_file"])
    except (OSError, ValueError, KeyError) as error:
        raise WorkError(f"{model} is no model directory ({error}): run the step train again") from None

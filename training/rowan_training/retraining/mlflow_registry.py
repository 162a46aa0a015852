"""The model registry: MLflow's client, with errors that say whether a retry may help."""

import hashlib
import json
import logging
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path

import requests
from boto3.exceptions import Boto3Error
from botocore.exceptions import BotoCoreError, ClientError, NoCredentialsError, PartialCredentialsError

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


# What MLflow's client lets through: its own, and those of what it fetches artifacts with.
ERRORS = (MlflowException, requests.RequestException, BotoCoreError, ClientError, Boto3Error)
WRONG_SETTINGS = (ValueError, NoCredentialsError, PartialCredentialsError)


def status_of(error: BaseException | None) -> int | None:
    """That of HTTP which the error is about; 400 for what cannot be sent at all, None for a connection that broke."""
    if isinstance(error, ClientError):
        return int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 500))
    if isinstance(error, requests.RequestException) and error.response is not None:
        return error.response.status_code
    if isinstance(error, MlflowException):
        # Of several artifacts it says what each failed with, and calls it an error of the server.
        told = re.search(r"\b(40[134]) (?:Client Error|Forbidden|Not Found)|\((40[134])\)", str(error))
        return int(told[1] or told[2]) if told else error.get_http_status_code()
    if isinstance(error, Boto3Error) and (error.__cause__ or error.__context__):
        return status_of(error.__cause__ or error.__context__)
    return 400 if isinstance(error, WRONG_SETTINGS) else None


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
        except ERRORS as error:
            raise self._told(what, error) from error

    def _look(self) -> None:
        """Quickly: MLflow's own client would go on trying for minutes."""
        if self.uri.startswith("http"):
            requests.get(f"{self.uri.rstrip('/')}/health", timeout=SECONDS_TO_ANSWER)

    def _told(self, what: str, error: Exception) -> WorkError:
        """By the status that the server gave, MLflow itself or the store of its artifacts."""
        text = (str(error).strip() or type(error).__name__).splitlines()[0][:300]
        if isinstance(error, requests.ConnectionError | requests.Timeout):
            return ServerAway(f"{what}: MLflow at {self.uri} does not answer ({text}): start it, then retry")
        where = f"MLflow at {self.uri}" if isinstance(error, MlflowException | requests.RequestException) else "the store"
        status = status_of(error)
        if status in (401, 403):
            keys = "MLFLOW_TRACKING_USERNAME and _PASSWORD, and AWS_* where artifacts lie in S3"
            return WorkError(f"{what}: {where} refuses us ({text}): check {keys}")
        if status is None or status >= 500 or status == 429:
            return ServerAway(f"{what}: {where} fails ({text}): look at its log, then retry")
        return WorkError(f"{what}: {where} says {text}")

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

    def version(self, registry_version: str) -> ModelVersion:
        with self.asked(f"asking for version {registry_version} of {self.name}") as client:
            return client.get_model_version(self.name, registry_version)

    def refuse_if_another(self, champion: ModelVersion | None, compared: str | None, ours: str | None) -> None:
        """Whoever has become champion meanwhile has not been compared with, and is not overwritten."""
        held = champion.version if champion else None
        if held == compared or (held is not None and held == ours):
            return
        raise WorkError(
            f"{self.name}@{CHAMPION} is {_named(held)} now, while the challenger was compared with {_named(compared)}: "
            "run the retraining again, or clear it from the task champion on"
        )

    def refuse_if_rolled_back(self, held: ModelVersion) -> None:
        if reason := held.tags.get(ROLLED_BACK_TAG):
            raise WorkError(
                f"{held.tags.get(VERSION_TAG)}, version {held.version} of {self.name}, was rolled back ({reason}): "
                f"delete its tag {ROLLED_BACK_TAG} to try it again"
            )

    def before(self, held: ModelVersion, most: int) -> list[ModelVersion]:
        """This champion, the one before it and so on, as far as each still names the one before."""
        found = [held]
        while len(found) < most and (previous := found[-1].tags.get(PREVIOUS_TAG)) is not None:
            with self.asked(f"asking for version {previous} of {self.name}") as client:
                try:
                    found.append(client.get_model_version(self.name, previous))
                except MlflowException as error:
                    if error.error_code != "RESOURCE_DOES_NOT_EXIST":
                        raise
                    break
        return found[:most]

    def metric(self, held: ModelVersion, name: str) -> float | None:
        """Of the run that the version comes from, if it has one."""
        if not held.run_id:
            return None
        with self.asked(f"asking for the run of version {held.version} of {self.name}") as client:
            try:
                return client.get_run(held.run_id).data.metrics.get(name)
            except MlflowException as error:
                if error.error_code != "RESOURCE_DOES_NOT_EXIST":
                    raise
                return None

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


def _named(registry_version: str | None) -> str:
    return "nobody" if registry_version is None else f"version {registry_version}"


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

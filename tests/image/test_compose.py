"""compose.yaml, as Docker's compose and Prometheus's promtool read it.

Its images cannot be had here, so that what runs here is the service's own image alone.
"""

import re
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

from engine import NAME, ROOT, run

HERE = Path(__file__).parent


@pytest.fixture(scope="module")
def compose():
    """What `docker compose config` makes of the file."""
    program = run("sh", HERE / "compose.sh").strip()
    return yaml.safe_load(run(program, "--file", ROOT / "compose.yaml", "config"))


def test_every_service_of_the_laptop_is_there(compose):
    assert set(compose["services"]) == {"api", "stream", "first-model", "sync", "kafka", "topics",
                                        "models-folder",
                                        "prometheus", "alertmanager", "grafana", "pushgateway",
                                        "mlflow"}


def test_every_image_has_a_version(compose):
    for service in compose["services"].values():
        assert re.search(r":(v?[0-9]+\.[0-9.]+|metrics)$", service["image"]), service["image"]


def test_ports_are_of_this_machine_alone(compose):
    for service in compose["services"].values():
        for port in service.get("ports", ()):
            assert port["host_ip"] == "127.0.0.1"


def test_there_are_no_secrets(compose):
    for service in compose["services"].values():
        for name in service.get("environment") or ():
            assert not re.search("PASSWORD|SECRET|TOKEN|KEY", name), name


def test_containers_of_the_service_share_their_metrics_and_the_model(compose):
    links = set()
    for name in ("api", "stream", "first-model", "sync"):
        service = compose["services"][name]
        assert service["image"] == NAME and service["read_only"]
        mounted = {volume["source"]: volume["target"] for volume in service["volumes"]}
        assert set(mounted) == {"metrics", "models"}
        assert mounted["metrics"] == service["environment"]["METRICS_DIR"]
        links.add(service["environment"]["MODEL_DIR"])
    (link,) = links
    assert link.startswith(mounted["models"] + "/")


def test_the_models_outlive_the_container_that_made_the_link(compose):
    """A tmpfs volume is unmounted when its last container stops, and first-model stops at once."""
    assert not compose["volumes"]["models"].get("driver_opts")
    owner = compose["services"]["models-folder"]
    (volume,) = owner["volumes"]
    assert owner["user"] == "root"
    assert owner["entrypoint"] == ["chown", "65532:65532", volume["target"]]


def test_the_service_starts_with_a_model_and_without_the_registry(compose):
    """`mlflow` takes its time: nobody waits for it."""
    services = compose["services"]
    first = services["first-model"]
    assert first["entrypoint"] == ["/usr/bin/rowan-sync", "--once"] and first["restart"] == "no"
    assert first["environment"]["SYNC_FALLBACK"] == "/models/fraud"
    assert set(first["depends_on"]) == {"models-folder"}
    for name in ("api", "sync"):
        assert services[name]["depends_on"]["first-model"]["condition"] == \
            "service_completed_successfully"
    assert services["mlflow"]["command"][services["mlflow"]["command"].index("--port") + 1] == \
        services["sync"]["environment"]["MLFLOW_TRACKING_URI"].rpartition(":")[2]


def test_files_that_are_mounted_exist(compose):
    for service in compose["services"].values():
        for volume in service.get("volumes", ()):
            if volume["type"] == "bind":
                assert Path(volume["source"]).exists(), volume["source"]


def test_grafana_finds_the_dashboards(compose):
    provider = yaml.safe_load((ROOT / "compose/grafana/dashboards.yaml").read_text())
    (path,) = (one["options"]["path"] for one in provider["providers"])
    mounted = {volume["target"]: Path(volume["source"])
               for volume in compose["services"]["grafana"]["volumes"]}
    assert [file.name for file in mounted[path].glob("*.json")] == ["ml-model-dashboard.json"]


def test_prometheus_takes_its_configuration(tmp_path):
    shutil.copy(ROOT / "compose/prometheus.yml", tmp_path)
    shutil.copytree(ROOT / "monitoring/alerts", tmp_path / "alerts")
    checked = subprocess.run(["promtool", "check", "config", tmp_path / "prometheus.yml"],
                             capture_output=True, text=True)
    assert checked.returncode == 0, checked.stdout + checked.stderr
    assert "2 rule files found" in checked.stdout


def test_alerts_find_the_service_by_the_jobs_name():
    configuration = yaml.safe_load((ROOT / "compose/prometheus.yml").read_text())
    (job,) = (entry["job_name"] for entry in configuration["scrape_configs"]
              if not entry.get("honor_labels"))
    assert f'job="{job}"' in (ROOT / "monitoring/alerts/ml-alerts.yaml").read_text()

"""monitoring/alertmanager, as amtool, kustomize and kubeconform read it, and compose's copy."""

import base64
import subprocess

import pytest
import yaml

from alertmanager import (CURRENT, DEBIAN, FOLDER, ROOT, VERSIONS, amtool, configuration,
                          install, program)
from receivers import SECRETS
from schemas import kubernetes_definitions, schemas, write_custom_resource
from tools import VERSIONS as TOOLS
from tools import go_module, kubeconform, kustomize, output, run
from vocabulary import rules

COMPOSE = ROOT / "compose/alertmanager.yml"
ALERTS = {rule["alert"]: rule["labels"] for rule in rules() if "alert" in rule}
OURS = {"service": "tasks10-ml-service"}
RECEIVER = {"critical": "on-call", "warning": "team", "info": "record"}


@pytest.fixture
def installed(tmp_path):
    """installed(version): the path of the configuration as that version takes it."""
    (tmp_path / "telegram-token").write_text("123456789:of_this-test")

    def install_for(version):
        return install(tmp_path, version, {SECRETS: str(tmp_path)})
    return install_for


# ---- amtool ------------------------------------------------------------------------------


@pytest.mark.parametrize("version", VERSIONS)
def test_amtool_takes_it(version, installed):
    checked = amtool(version, "check-config", installed(version))
    assert checked.returncode == 0, checked.stdout + checked.stderr
    assert "5 receivers" in checked.stdout


@pytest.mark.parametrize("version", VERSIONS)
def test_amtool_reads_the_templates_too(version, tmp_path, installed):
    """A template with an error is no surprise of the first alert."""
    file = installed(version)
    template = tmp_path / "templates/telegram.tmpl"
    template.write_text(template.read_text().replace("{{- range $alert", "{{- rang $alert"))
    assert "telegram.tmpl" in amtool(version, "check-config", file).stdout


def test_debians_knows_no_file_of_the_token():
    """Once it does, for-0.25.sh can go."""
    checked = amtool(DEBIAN, "check-config", FOLDER / "alertmanager.yml")
    assert "field bot_token_file not found" in checked.stdout + checked.stderr


@pytest.mark.parametrize("content", ["", "with space", 'quote"', "a\nb"])
def test_what_is_no_token_is_refused(content, tmp_path):
    (tmp_path / "telegram-token").write_text(content)
    file = tmp_path / "alertmanager.yml"
    file.write_text((FOLDER / "alertmanager.yml").read_text().replace(SECRETS, str(tmp_path)))
    finished = subprocess.run([FOLDER / "for-0.25.sh", file], capture_output=True, text=True)
    assert finished.returncode == 1 and finished.stdout == ""
    assert finished.stderr == f"for-0.25.sh: no token in {tmp_path}/telegram-token\n"


# ---- routes ------------------------------------------------------------------------------


def routed(version, file, **labels):
    """Names of the receivers, as amtool's routes say them."""
    tested = amtool(version, "config", "routes", "test", f"--config.file={file}",
                    *(f"{name}={value}" for name, value in labels.items()))
    assert tested.returncode == 0, tested.stderr
    return tested.stdout.strip().split(",")


@pytest.mark.parametrize("version", VERSIONS)
def test_every_alert_of_the_rules_has_its_receiver(version, installed):
    file = installed(version)
    for name, labels in ALERTS.items():
        wanted = [RECEIVER[labels["severity"]]]
        if labels.get("notify") == "admin":
            wanted.insert(0, "administrator")
        assert routed(version, file, alertname=name, namespace="n", **labels) == wanted, name


def test_one_alert_of_the_rules_is_the_administrators():
    assert [name for name, labels in ALERTS.items() if "notify" in labels] \
        == ["AdminNotification_MaxScaleHighCPU"]


@pytest.mark.parametrize("labels", [{}, {"severity": "page"}, {"notify": "nobody"}])
def test_an_alert_of_nobodys_severity_is_the_teams(labels, installed):
    assert routed(DEBIAN, installed(DEBIAN), alertname="Another", **OURS, **labels) == ["team"]


# What others' rules have: kube-prometheus-stack's, and one of the same name as ours.
OF_OTHERS = [{"alertname": "Watchdog", "severity": "none"},
             {"alertname": "KubePersistentVolumeFillingUp", "severity": "critical",
              "namespace": "mlops-tasks10"},
             {"alertname": "TargetDown", "severity": "warning", "namespace": "mlops-tasks10"},
             {"alertname": "TargetDown", "severity": "warning", "service": "another"},
             {"alertname": "NodeFull", "notify": "admin"}]


@pytest.mark.parametrize("labels", OF_OTHERS)
@pytest.mark.parametrize("version", VERSIONS)
def test_an_alert_of_others_is_told_nobody(version, labels, installed):
    assert routed(version, installed(version), **labels) == ["nobody"]


@pytest.mark.parametrize("version", VERSIONS)
def test_it_goes_into_a_configuration_of_others(version, tmp_path, installed):
    """As README.md says: the one route, receivers apart from nobody, and inhibition rules."""
    ours = yaml.safe_load(installed(version).read_text())
    (route,) = ours["route"]["routes"]
    both = {"global": ours["global"], "templates": ours["templates"],
            "receivers": [{"name": "theirs"}, *(receiver for receiver in ours["receivers"]
                                                if receiver["name"] != "nobody")],
            "route": {"receiver": "theirs", "group_by": ["job"],
                      "routes": [route, {"matchers": ['severity="critical"'],
                                         "receiver": "theirs"}]},
            "inhibit_rules": ours["inhibit_rules"]}
    file = tmp_path / "both.yml"
    file.write_text(yaml.safe_dump(both))
    checked = amtool(version, "check-config", file)
    assert checked.returncode == 0, checked.stdout + checked.stderr
    for labels in OF_OTHERS:
        assert routed(version, file, **labels) == ["theirs"]
    for name, labels in ALERTS.items():
        assert RECEIVER[labels["severity"]] in routed(version, file, alertname=name, **labels)


def test_inhibition_names_alerts_that_exist():
    for rule in configuration()["inhibit_rules"]:
        for matcher in rule["source_matchers"] + rule["target_matchers"]:
            name, _, value = matcher.partition("=")
            if name == "alertname":
                assert set(value.strip('~"').split("|")) <= set(ALERTS), matcher


# ---- what every receiver does ------------------------------------------------------------


def senders():
    return [(receiver["name"], kind, sender) for receiver in configuration()["receivers"]
            for kind, several in receiver.items() if kind != "name" for sender in several]


def test_who_is_told_how():
    told = {}
    for name, kind, _ in senders():
        told.setdefault(name, []).append(kind.removesuffix("_configs"))
    assert told == {"on-call": ["email", "webhook"], "team": ["email", "webhook"],
                    "record": ["webhook"], "administrator": ["email", "telegram", "webhook"]}
    silent = {receiver["name"] for receiver in configuration()["receivers"]} - set(told)
    assert silent == {configuration()["route"]["receiver"]} == {"nobody"}


def test_everybody_hears_of_the_end():
    assert all(sender["send_resolved"] for _, _, sender in senders())


def named_values(part):
    """(name, value) of every setting, however deep."""
    if isinstance(part, dict):
        for name, value in part.items():
            yield name, value
            yield from named_values(value)
    elif isinstance(part, list):
        for each in part:
            yield from named_values(each)


def test_secrets_are_in_files_alone():
    files = {name: value for name, value in named_values(configuration())
             if any(word in name for word in ("password", "token", "credentials", "secret"))}
    assert files == {"smtp_auth_password_file": f"{SECRETS}/smtp-password",
                     "bot_token_file": f"{SECRETS}/telegram-token",
                     "credentials_file": f"{SECRETS}/webhook-token"}


# ---- README.md ---------------------------------------------------------------------------


def test_the_sed_of_the_readme_sets_every_value(tmp_path):
    lines = (FOLDER / "README.md").read_text().split("    sed -i ")[1].split("\n\n")[0]
    file = tmp_path / "alertmanager.yml"
    file.write_text((FOLDER / "alertmanager.yml").read_text())
    subprocess.run(["sh", "-euc", "sed -i " + lines], cwd=tmp_path, check=True)
    for old in ("example.com", "-1001234567890"):
        assert old not in file.read_text()
    assert amtool(CURRENT, "check-config", file).returncode == 0


def test_the_table_of_the_readme_has_every_receiver():
    text = (FOLDER / "README.md").read_text()
    assert all(f"| `{receiver['name']}` |" in text for receiver in configuration()["receivers"])


def test_the_question_of_the_page_has_its_answer():
    """monitoring/README.md: `amtool config routes test`, as it stands there."""
    text = (ROOT / "monitoring/README.md").read_text().replace("\\\n", " ")
    (line,) = [line for line in text.splitlines() if line.startswith("    amtool config routes")]
    tested = subprocess.run([program("amtool", CURRENT), *line.split()[1:]], cwd=ROOT,
                            capture_output=True, text=True)
    assert tested.stdout.strip() == "administrator,on-call", tested.stderr


def test_amtool_is_there_before_the_pages_are_made():
    """make docs-alerts asks it who is told."""
    planned = subprocess.run(["make", "-n", "docs-alerts"], cwd=ROOT, check=True, text=True,
                             capture_output=True).stdout
    packages = planned.index("prometheus-alertmanager")
    assert packages < planned.index("scripts/docs-alerts.sh")


# ---- compose -----------------------------------------------------------------------------


def test_compose_has_what_the_script_makes():
    assert COMPOSE.read_text() == output(ROOT / "scripts/compose-alertmanager.sh",
                                         FOLDER / "alertmanager.yml")


def test_compose_has_the_same_routes_and_sends_nothing():
    ours, composes = configuration(), yaml.safe_load(COMPOSE.read_text())
    assert composes.pop("receivers") == [{"name": each["name"]} for each in ours["receivers"]]
    assert composes == {name: ours[name] for name in ("route", "inhibit_rules")}


@pytest.mark.parametrize("version", VERSIONS)
def test_amtool_takes_composes_too(version):
    checked = amtool(version, "check-config", COMPOSE)
    assert checked.returncode == 0, checked.stdout + checked.stderr


# ---- Kubernetes --------------------------------------------------------------------------


@pytest.fixture(scope="module")
def built():
    return output(kustomize(), "build", FOLDER)


@pytest.fixture(scope="module")
def operators_schema(tmp_path_factory):
    """A folder with the schema of an Alertmanager of prometheus-operator."""
    folder = tmp_path_factory.mktemp("schemas")
    operator = go_module("github.com/prometheus-operator/prometheus-operator",
                         TOOLS["PROMETHEUS_OPERATOR"])
    crds = operator / "example/prometheus-operator-crd"
    write_custom_resource(folder, crds / "monitoring.coreos.com_alertmanagers.yaml",
                          kubernetes_definitions())
    return folder


@pytest.fixture
def conform(operators_schema):
    """conform(path): the finished kubeconform."""
    names = "{{.ResourceKind}}{{.KindSuffix}}.json"
    locations = [part for folder in (schemas(), operators_schema)
                 for part in ("-schema-location", f"{folder}/{names}")]
    return lambda path: run(kubeconform(), "-strict", "-summary", *locations,
                            "-kubernetes-version", TOOLS["KUBERNETES"].lstrip("v"), path)


def test_kubernetes_knows_every_field(built, conform, tmp_path):
    path = tmp_path / "built.yaml"
    path.write_text(built)
    finished = conform(path)
    assert finished.returncode == 0, finished.stdout + finished.stderr
    assert "Valid: 2, Invalid: 0, Errors: 0, Skipped: 0" in finished.stdout


def test_a_misspelt_field_is_noticed(built, conform, tmp_path):
    path = tmp_path / "built.yaml"
    path.write_text(built.replace("configSecret:", "configSecrets:"))
    assert conform(path).returncode != 0


def test_the_example_of_the_secret_conforms(conform):
    finished = conform(FOLDER / "secret.example.yaml")
    assert finished.returncode == 0, finished.stdout + finished.stderr


def test_the_operator_gets_these_files(built):
    """It mounts the configuration's Secret at /etc/alertmanager/config."""
    objects = {each["kind"]: each for each in yaml.safe_load_all(built)}
    secret, spec = objects["Secret"], objects["Alertmanager"]["spec"]
    assert spec["configSecret"] == secret["metadata"]["name"]
    files = {name: base64.b64decode(content).decode() for name, content in secret["data"].items()}
    assert files.pop("alertmanager.yaml") == (FOLDER / "alertmanager.yml").read_text()
    assert files == {path.name: path.read_text() for path in (FOLDER / "templates").iterdir()}
    assert "/etc/alertmanager/config/*.tmpl" in configuration()["templates"]
    assert spec["version"] == CURRENT


def test_the_operator_mounts_the_secrets_where_they_are_looked_for(built):
    example = yaml.safe_load((FOLDER / "secret.example.yaml").read_text())
    spec = next(each["spec"] for each in yaml.safe_load_all(built)
                if each["kind"] == "Alertmanager")
    assert spec["secrets"] == [example["metadata"]["name"]]
    assert SECRETS == f"/etc/alertmanager/secrets/{example['metadata']['name']}"
    assert sorted(example["stringData"]) == ["smtp-password", "telegram-token", "webhook-token"]

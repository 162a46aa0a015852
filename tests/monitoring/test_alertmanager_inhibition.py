"""Which alert hides which: a real Alertmanager is told of each alert that may hide others together
with all others, in a namespace of its own."""

import pytest

from alertmanager import VERSIONS, Alertmanager
from receivers import Receivers
from server import eventually
from vocabulary import rules

ALERTS = {rule["alert"]: rule["labels"] for rule in rules() if "alert" in rule}
ADMIN = "AdminNotification_MaxScaleHighCPU"
# Of one topic and one pod, wherever a rule says so.
WHERE = {"topic": "transactions-input", "pod": "pod-1"}
HIDES = {
    "ServiceDown": set(ALERTS) - {"ServiceDown", ADMIN},
    "HighErrorRate": {"AvailabilityBudgetBurnFast", "AvailabilityBudgetBurnSlow"},
    "AvailabilityBudgetBurnFast": {"AvailabilityBudgetBurnSlow"},
    "LatencyBudgetBurnFast": {"LatencyBudgetBurnSlow"},
    ADMIN: {"HighCPUUsage", "ModelScaledToMax"},
    "PodCrashLooping": {"TargetDown"},
    "KafkaBrokerUnreachable": {"KafkaProcessingStalled", "KafkaConsumerLagHigh", "KafkaQueueHigh"},
    "KafkaProcessingStalled": {"KafkaConsumerLagHigh", "KafkaQueueHigh"},
    "KafkaConsumerLagHigh": {"KafkaQueueHigh"}}
# Each source is tried without the other sources, apart from those that it hides.
OTHERS = {name: set(ALERTS) - {name} - set(HIDES) | HIDES[name] for name in HIDES}


def alert(name, **labels):
    return {"labels": {"alertname": name, **ALERTS[name], **labels}}


def hidden(alertmanager, **labels):
    """{name: names of the alerts that hide it} of the alerts with these labels; None for a label
    that they must not have."""
    every = alertmanager.alerts()
    names = {one["fingerprint"]: one["labels"]["alertname"] for one in every}
    return {one["labels"]["alertname"]: {names[by] for by in one["status"]["inhibitedBy"]}
            for one in every
            if all(one["labels"].get(name) == value for name, value in labels.items())
            and one["status"]["state"] == "suppressed"}


@pytest.fixture(scope="module", params=VERSIONS)
def alertmanager(request, tmp_path_factory):
    folder = tmp_path_factory.mktemp("inhibition")
    with Receivers(folder) as receivers, \
            Alertmanager(folder, request.param, receivers) as running:
        running.post(*(alert(other, namespace=f"with-{name}", **WHERE)
                       for name in HIDES for other in {name} | OTHERS[name]))
        yield running


@pytest.mark.parametrize("name", HIDES)
def test_it_hides_what_follows_from_it_and_nothing_else(alertmanager, name):
    def found():
        return hidden(alertmanager, namespace=f"with-{name}")
    assert eventually(lambda: set(found()) == HIDES[name]), found()
    # Alertmanager names one cause of several: what is hidden may itself hide.
    assert set().union(*found().values()) <= {name} | HIDES[name] & set(HIDES)


def of_others(name, **labels):
    """An alert of that name of somebody else's rules."""
    return {"labels": {"alertname": name, "severity": "warning", **labels}}


@pytest.mark.parametrize("name", HIDES)
def test_it_hides_nothing_of_others_and_others_hide_nothing_of_it(alertmanager, name):
    """Of others is what has no label `service`, or another one, in whatever namespace."""
    hides, hidden_by, same = (f"{part}-{name}" for part in ("hides", "hidden-by", "same"))
    volume = "KubePersistentVolumeFillingUp"
    alertmanager.post(
        alert(name, namespace=hides, **WHERE), of_others(volume, namespace=hides, **WHERE),
        *(of_others(other, namespace=hides, **WHERE, **service) for other in HIDES[name]
          for service in ({}, {"service": "another"})),
        of_others(name, namespace=hidden_by, **WHERE),
        of_others(name, namespace=hidden_by, service="another", **WHERE),
        *(alert(other, namespace=hidden_by, **WHERE) for other in HIDES[name] - set(HIDES)),
        alert(name, namespace=same, **WHERE),
        *(alert(other, namespace=same, **WHERE) for other in HIDES[name]))
    # What is told last is hidden, so that all before has been looked at.
    assert eventually(lambda: set(hidden(alertmanager, namespace=same)) == HIDES[name])
    assert hidden(alertmanager, namespace=hides) == {}
    assert hidden(alertmanager, namespace=hidden_by) == {}
    names = [one["labels"]["alertname"] for one in alertmanager.alerts()
             if one["labels"].get("namespace") == hides and one["status"]["state"] != "suppressed"]
    assert sorted(names) == sorted([name, volume, *HIDES[name], *HIDES[name]])


@pytest.mark.parametrize("source, target, differs", [
    ("ServiceDown", "NoPredictions", "namespace"),
    ("KafkaConsumerLagHigh", "KafkaQueueHigh", "topic"),
    ("PodCrashLooping", "TargetDown", "pod")])
def test_it_hides_nothing_of_another(alertmanager, source, target, differs):
    where = {"namespace": f"other-{differs}", **WHERE}
    same = {**where, "namespace": f"{where['namespace']}-same"}
    alertmanager.post(alert(source, **where), alert(target, **{**where, differs: "another"}),
                      alert(source, **same), alert(target, **same))
    assert eventually(lambda: hidden(alertmanager, namespace=same["namespace"])) \
        == {target: {source}}
    assert hidden(alertmanager, namespace=where["namespace"]) == {}
    assert hidden(alertmanager, namespace="another") == {}


def test_without_a_namespace_it_hides_nothing(alertmanager):
    """What else has none, as all of retraining, need not be of this service."""
    here = "beside-none"
    alertmanager.post(alert("ServiceDown", job="tasks10-ml-service"), alert("ModelStale"),
                      alert("ServiceDown", namespace=here), alert("ModelStale", namespace=here))
    assert eventually(lambda: hidden(alertmanager, namespace=here)) \
        == {"ModelStale": {"ServiceDown"}}
    assert hidden(alertmanager, namespace=None) == {}

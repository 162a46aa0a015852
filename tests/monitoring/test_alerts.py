"""Each alert in Prometheus' own words: promtool evaluates it where it must fire, and where not."""

import pytest

import cases_blind  # noqa: F401 - each brings its cases
import cases_kafka  # noqa: F401
import cases_model  # noqa: F401
import cases_resources  # noqa: F401
import cases_retraining  # noqa: F401
import cases_service  # noqa: F401
import cases_slo  # noqa: F401
import cases_sync  # noqa: F401
from alert_rules import ALERTS, alone
from cases import CASES, FIRES, KINDS, RESOLVES, RESTART, ZERO
from promtool import Batch

# What an alert has no case for, and why.
GAUGES = "gauges: nothing is counted, and nothing begins again at 0"
NO_SHARE = "nothing is divided"
WITHOUT = {
    ZERO: {**dict.fromkeys(
        ("ServiceDown", "TargetDown", "FloodShedding", "NoReadyModel", "ModelLoadFailed",
         "ModelStale", "ModelScaledToMax", "HPAScalingEvent", "PodCrashLooping", "KafkaQueueHigh",
         "KafkaConsumerLagHigh", "KafkaProcessingStalled", "KafkaBrokerUnreachable",
         "ServiceMetricsMissing", "ResourceMetricsMissing", "KafkaMetricsMissing",
         "RetrainingFailed", "RetrainingLate", "ModelSyncFailing", "ModelSyncRefused"), NO_SHARE)},
    RESTART: {**dict.fromkeys(
        ("HighMemoryUsage", "ModelScaledToMax", "HPAScalingEvent", "ResourceMetricsMissing"),
        GAUGES)},
}


@pytest.fixture(scope="module")
def verdicts(tmp_path_factory):
    """case's name -> what promtool finds wrong."""
    batch = Batch(tmp_path_factory.mktemp("alerts"))
    for case in CASES:
        batch.add(case.name, alone(ALERTS[case.alert]), [case.test()], f"{case.step}m")
    return batch.run()


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_alert_fires_where_it_must_and_nowhere_else(case, verdicts):
    assert not verdicts[case.name]


@pytest.mark.parametrize("alert", ALERTS)
def test_alert_has_a_case_of_each_kind(alert):
    found = {kind for kind in KINDS for case in CASES
             if case.alert == alert and case.kind.startswith(kind)}
    exempt = {kind for kind, alerts in WITHOUT.items() if alert in alerts}
    assert not found & exempt, "an exemption that is none"
    assert set(KINDS) - exempt == found


def test_an_alert_that_waits_is_quiet_the_step_before():
    for case in CASES:
        if case.kind == FIRES and "for" in ALERTS[case.alert]:
            assert min(case.fires) - 1 in case.quiet, case.name


def test_resolved_means_that_it_fired_before():
    for case in CASES:
        if case.kind == RESOLVES:
            assert min(case.fires) < max(case.quiet), case.name


def test_every_case_is_of_an_alert_that_there_is():
    assert {case.alert for case in CASES} == set(ALERTS)
    names = [case.name for case in CASES]
    assert len(names) == len(set(names))

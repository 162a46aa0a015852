"""A threshold that is 3 % off, a `for` that is a minute off, sum in place of max: the cases of
test_alerts.py notice."""

import re

import pytest

import test_alerts  # noqa: F401 - it brings the cases
from alert_rules import ALERTS, alone
from cases import BELOW, CASES, FIRES, series_test
from mistakes import mistakes
from promtool import Batch

# Numbered, since a rule may have the same number twice.
MISTAKES = [(alert, f"{alert}, {what} ({number})", rules, FIRES if is_rarer else BELOW)
            for number, (alert, what, rules, is_rarer) in enumerate(mistakes())]


def is_alone(case):
    """Without a namespace of its own a series, or an alert, would meddle with the other cases."""
    told = [labels.get("namespace") for alerts in case.fires.values() for _, labels in alerts]
    return not (all(re.search('namespace="[nm]"', name) for name in case.series)
                and set(told) <= {"n", "m"})


def together(cases):
    """Cases of one step as one test, which costs as much as one: each gets namespaces of its own.
    Of an alert only whether it fires is asked."""
    series, questions = {}, []
    for number, case in enumerate(cases):
        series |= {name.replace('namespace="n"', f'namespace="n{number}"')
                   .replace('namespace="m"', f'namespace="m{number}"'): values
                   for name, values in case.series.items()}
        asked = {step: [] for step in case.quiet} | case.fires
        questions += [question(case, number, step, alerts) for step, alerts in asked.items()]
    return series_test(series, cases[0].step, promql_expr_test=questions)


def question(case, number, step, alerts):
    labels = [{"alertname": case.alert, "alertstate": "firing", **ALERTS[case.alert]["labels"],
               **told, "namespace": f"{told['namespace']}{number}"} for _, told in alerts]
    return {"expr": f'ALERTS{{alertstate="firing",namespace=~"[a-z]+{number}"}}',
            "eval_time": f"{step * case.step}m",
            "exp_samples": [{"labels": written(one), "value": 1} for one in labels]}


def written(labels):
    return "ALERTS{" + ",".join(f'{key}="{value}"' for key, value in labels.items()) + "}"


def groups(alert, kinds):
    """(minutes of a step, tests)"""
    mine = [case for case in CASES if case.alert == alert and case.kind.startswith(kinds)]
    for step in sorted({case.step for case in mine}):
        shared = [case for case in mine if case.step == step and not is_alone(case)]
        yield step, [case.test() for case in mine if case.step == step and is_alone(case)] + (
            [together(shared)] if shared else [])


def judge(folder, asked):
    """name -> what promtool says of its groups of cases; `asked` has (alert, name, rules, kinds)."""
    batch = Batch(folder)
    for alert, name, rules, kinds in asked:
        for step, tests in groups(alert, kinds):
            batch.add(f"{name}: {step}", rules, tests, f"{step}m")
    found = {}
    for name, verdict in batch.run().items():
        found.setdefault(name.rpartition(": ")[0], []).append(verdict)
    return found


@pytest.fixture(scope="module")
def verdicts(tmp_path_factory):
    """name -> what promtool says of the alert's groups of cases, right rules and wrong ones.
    A mistake mostly shows in one kind of cases; the other kind is asked where it does not."""
    right = [(alert, alert, alone(rule), (FIRES, BELOW)) for alert, rule in ALERTS.items()]
    found = judge(tmp_path_factory.mktemp("mistakes"), [*right, *MISTAKES])
    unseen = [(alert, name, rules, BELOW if asked == FIRES else FIRES)
              for alert, name, rules, asked in MISTAKES if not any(found.get(name, []))]
    return found | judge(tmp_path_factory.mktemp("unseen"), unseen)


@pytest.mark.parametrize("alert", ALERTS)
def test_the_right_rule_passes(alert, verdicts):
    assert not any(verdicts[alert]), verdicts[alert]


@pytest.mark.parametrize("name", [name for _, name, *_ in MISTAKES])
def test_a_mistake_is_noticed(name, verdicts):
    assert any(verdicts[name])

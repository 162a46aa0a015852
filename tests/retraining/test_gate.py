"""The gate: what it lets through, and what each rule refuses."""

import json

import pytest

from world import champion_is

EQUAL = {"difference": 0.0, "low": -0.01, "high": 0.01}


@pytest.fixture
def champion(world):
    """A run whose challenger is exactly as good as the champion."""
    challenger = world.result("evaluate")["challenger"]
    champion_is(world.run, "1", "before")
    world.change("evaluate", champion={**challenger, "version": "before"},
                 comparison=dict.fromkeys(("average_precision", "card_precision_100", "auc_roc"),
                                          EQUAL))
    return world


def change(world, part, **members):
    world.change("evaluate", **{part: {**world.result("evaluate")[part], **members}})


def refusal(world, **environment):
    """The only reason of a refusal, which is no failure."""
    found = world.well("gate", **environment)
    assert not found["passed"]
    [reason] = found["reasons"]
    assert [check["passed"] for check in found["checks"]].count(False) == 1
    return reason


def test_without_a_champion_floors_and_golden_rows_count(world):
    found = world.well("gate")
    assert (found["passed"], found["reasons"]) == (True, [])
    assert [check["name"] for check in found["checks"]] == [
        "frauds in the test", "auc_roc", "average_precision", "card_precision_100",
        "calibration_error", "mean probability / share of frauds", "golden rows that differ"]


def test_an_equal_challenger_passes(champion):
    found = champion.well("gate")
    assert found["passed"] and len(found["checks"]) == 12


@pytest.mark.parametrize("metric", ["average_precision", "card_precision_100"])
def test_worse_beyond_chance_is_refused(champion, metric):
    change(champion, "comparison", **{metric: {"difference": -0.005, "low": -0.009, "high": -0.0001}})
    assert refusal(champion) == (f"{metric}: upper end against the champion is -0.0001, "
                                 "wanted at least 0")


def test_a_loss_that_chance_could_explain_is_refused_all_the_same_if_it_is_large(champion):
    change(champion, "comparison",
           average_precision={"difference": -0.0201, "low": -0.06, "high": 0.02})
    assert refusal(champion) == ("average_precision: difference to the champion is -0.0201, "
                                 "wanted at least -0.02")
    change(champion, "comparison",
           average_precision={"difference": -0.0199, "low": -0.06, "high": 0.02})
    assert champion.well("gate")["passed"]


def test_a_comparison_that_is_missing_is_no_comparison_that_was_won(champion):
    champion.change("evaluate", comparison=None)
    assert len(champion.well("gate")["reasons"]) == 4


@pytest.mark.parametrize("part, member, value, reason", [
    ("challenger", "auc_roc", 0.699, "auc_roc is 0.699, wanted at least 0.7"),
    ("challenger", "auc_roc", None, "auc_roc is unknown, wanted at least 0.7"),
    ("challenger", "average_precision", 0.499, "average_precision is 0.499, wanted at least 0.5"),
    ("challenger", "card_precision_100", 0.019, "card_precision_100 is 0.019, wanted at least 0.02"),
    ("challenger", "calibration_error", 0.051, "calibration_error is 0.051, wanted at most 0.05"),
    ("frauds", "test", 99, "frauds in the test is 99, wanted at least 100")])
def test_floors(world, part, member, value, reason):
    change(world, part, **{member: value})
    assert refusal(world) == reason


def test_probabilities_that_are_all_too_high_are_refused(world):
    share = world.result("evaluate")["challenger"]["fraud_share"]
    change(world, "challenger", mean_probability=2.01 * share)
    assert refusal(world) == "mean probability / share of frauds is 2.01, wanted 0.5 to 2"


def test_a_golden_row_that_differs_is_refused(world):
    path = world.run / "model/golden.jsonl"
    lines = path.read_text().splitlines()
    golden = json.loads(lines[0])
    golden["fraud_probability"] += 0.01
    path.write_text("\n".join([json.dumps(golden), *lines[1:]]) + "\n")
    assert refusal(world) == "golden rows that differ is unknown, wanted 0 (rowan verify)"


def test_a_gate_without_the_tool_is_an_error_and_no_refusal(world):
    assert "ROWAN_BIN is /nowhere" in world.fails("gate", 1, ROWAN_BIN="/nowhere")
    assert not (world.run / "gate.json").exists()


def test_what_was_not_evaluated_is_told_with_the_step_to_run(world):
    (world.run / "evaluate.json").unlink()
    assert world.fails("gate", 1).endswith("run the step evaluate first")


def test_a_limit_that_is_no_number_is_told_by_name(world):
    text = world.fails("gate", 1, RETRAINING_MIN_AUC_ROC="high")
    assert "RETRAINING_MIN_AUC_ROC is 'high', which is no number" in text


def test_a_champion_that_was_not_compared_with_is_not_replaced(champion):
    """RETRAINING_CHAMPION, or an alias that has moved since `evaluate`."""
    champion_is(champion.run, "2", "another")
    assert refusal(champion) == (
        "champion that was compared with is before, wanted another, which has the alias champion "
        "(is RETRAINING_CHAMPION set?)")
    champion_is(champion.run, None, None)
    assert "wanted none" in refusal(champion)


def test_a_champion_without_a_comparison_is_not_replaced(world):
    champion_is(world.run, "1", "held")
    assert refusal(world).startswith("champion that was compared with is none, wanted held")


def test_small_losses_do_not_add_up(champion):
    """The last champion was beaten, but better ones came before it."""
    now = champion.result("evaluate")["challenger"]["average_precision"]
    before = [{"registry_version": str(n), "version": "before", "average_precision": value}
              for n, value in enumerate((now, None, now + 0.0399))]
    champion.change("champion", earlier=before)
    assert champion.well("gate")["passed"]
    before[-1]["average_precision"] = now + 0.0401
    champion.change("champion", earlier=before)
    assert "beside the best of the last 2 champions" in refusal(champion)

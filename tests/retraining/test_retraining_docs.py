"""docs/retraining.md has every setting with its default, and every step."""

import re

from server import ROOT

PAGE = (ROOT / "docs/retraining.md").read_text()
CODE = ROOT / "training/rowan_training/retraining"


def test_every_setting_is_on_the_page_with_its_default():
    text = (CODE / "settings.py").read_text()
    declared = re.findall(r'setting\(\s*"(\w+)",\s*(\'[^\']*\'|"[^"]*"|[\d.]+),', text)
    assert len(declared) == text.count("= setting(") > 25
    for variable, default in declared:
        plain = default[0] in "\"'"
        shown = (f"`{default[1:-1]}`" if default[1:-1] else "") if plain else f"{float(default):g}"
        assert f"| `{variable}` | {shown} |" in PAGE, variable


def test_every_task_is_on_the_page():
    dag = (ROOT / "airflow-dags/retrain_with_monitoring.py").read_text()
    steps = set(re.findall(r'step\("(\w+)"', dag)) - {"kafka"}
    for name in {*steps, "check_kafka", "gate", "report"}:
        assert f"`{name}`" in PAGE, name

"""How a task runs a step: what it started ends with it, and where it leaves things."""

import os
import signal
import subprocess
import textwrap

import pytest

from airflow_home import programs
from server import ROOT, eventually

BEGIN = "import sys; sys.path.insert(0, sys.argv[1]); import rowan_process\n"


def python(home, lines, *arguments, **environment):
    """A process of Airflow's environment that has rowan_process."""
    given = {"AIRFLOW_HOME": home, "PYTHONDONTWRITEBYTECODE": 1, **environment}
    return subprocess.Popen(
        [programs(3) / "python", "-u", "-c", BEGIN + textwrap.dedent(lines),
         ROOT / "airflow-dags", *arguments],
        env={**os.environ, **{name: str(value) for name, value in given.items()}},
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def runs(pid):
    try:
        with open(f"/proc/{pid}/stat") as file:
            return file.read().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


@pytest.fixture
def stubborn(tmp_path):
    """A step that starts another program, as the attack does, and neither minds SIGTERM."""
    program = tmp_path / "python"
    program.write_text("#!/bin/sh\ntrap '' TERM\n"
                       f"sh -c 'trap \"\" TERM; echo $$ > {tmp_path}/child; sleep 600; sleep 600' &\n"
                       "sleep 600; sleep 600\n")
    program.chmod(0o755)
    return program


def test_what_a_task_has_started_ends_with_it(stubborn, tmp_path):
    task = python(tmp_path / "airflow", """
        import types
        rowan_process.SECONDS_TO_END = 1
        dag = types.SimpleNamespace(dag_id="dag")
        rowan_process.run_step("attack", {"run_id": "run", "dag": dag})
    """, ROWAN_PYTHON=stubborn, RETRAINING_HOME=tmp_path)
    child = tmp_path / "child"
    assert eventually(lambda: child.exists() and child.read_text().strip())
    pid = int(child.read_text())
    assert runs(pid)
    task.send_signal(signal.SIGTERM)
    output, _ = task.communicate()
    assert task.returncode == 1 and "the task was ended (SIGTERM)" in output
    assert eventually(lambda: not runs(pid))


def test_folders_of_runs(tmp_path):
    asked = ("manual__2026-11-02T00.00", "a/b", "a:b", ".", "..", "...")
    output, _ = python(tmp_path / "airflow", """
        for run_id in sys.argv[2:]:
            try:
                print("folder", rowan_process.folder_name(run_id))
            except rowan_process.AirflowFailException as error:
                print("folder", error)
    """, *asked).communicate()
    found = [line.removeprefix("folder ") for line in output.splitlines()
             if line.startswith("folder ")]
    assert len(found) == len(asked), output
    assert found[0] == asked[0]
    assert found[1].startswith("a_b-") and found[2].startswith("a_b-") and found[1] != found[2]
    assert all("can be no folder" in text for text in found[3:])

"""A real Airflow, of either version: an environment, a home with SQLite, and our DAGs as they are."""

import json
import os
import re
import signal
import subprocess
import time
from functools import cache
from pathlib import Path

import httpx

from server import ROOT, free_port
from world import environment_of

HERE = Path(__file__).resolve().parent
PATIENCE = 300  # seconds until something that must come counts as absent; no measure of speed


@cache
def programs(major):
    printed = subprocess.run(
        [ROOT / "scripts/venv.sh", HERE / f"requirements-airflow{major}.txt"], check=True, cwd=ROOT,
        stdout=subprocess.PIPE, text=True).stdout
    return Path(printed.strip()) / "bin"


class Airflow:
    """`settings`: what the tasks find in their environment."""

    def __init__(self, major, home, model, **settings):
        self.major, self.home = major, home
        self.bin = programs(major)
        home.mkdir()
        self.runs = home / "runs"
        self.environment = environment_of(
            model, RETRAINING_HOME=self.runs, RETRAINING_RETRY_SECONDS=1, RETRAINING_RETRIES=1,
            AIRFLOW_HOME=home, AIRFLOW__CORE__DAGS_FOLDER=ROOT / "airflow-dags",
            AIRFLOW__CORE__LOAD_EXAMPLES=False,
            AIRFLOW__DATABASE__SQL_ALCHEMY_CONN=f"sqlite:///{home}/airflow.db",
            AIRFLOW__USAGE_DATA_COLLECTION__ENABLED=False, SCARF_ANALYTICS="false",
            DO_NOT_TRACK="true", PYTHONDONTWRITEBYTECODE=1, **settings)
        self.environment["PATH"] = f"{self.bin}:{os.environ['PATH']}"
        self.call("db", "migrate")

    def call(self, *arguments, well=True):
        """What an Airflow command says."""
        process = subprocess.run([self.bin / "airflow", *arguments], env=self.environment,
                                 text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                                 cwd=self.home)
        assert not well or process.returncode == 0, process.stdout[-6000:]
        return process.stdout

    def given(self, **settings):
        self.environment |= {name: str(value) for name, value in settings.items()}
        return self

    def test(self, dag, day, **conf):
        """`airflow dags test`: the log, {task: state}, and the folder of the run."""
        log = self.call("dags", "test", dag, day, *(["--conf", json.dumps(conf)] if conf else []),
                        well=False)
        states = self.states(dag, day)
        [folder] = (self.runs / dag).glob(f"*{day}*")
        return log, states, folder

    def states(self, dag, day):
        """Of the last run of that day: the database knows, whatever the version prints."""
        import sqlite3
        with sqlite3.connect(self.home / "airflow.db") as database:
            rows = database.execute("select task_id, state from task_instance where dag_id = ? "
                                    "and run_id like ?", (dag, f"%{day}%")).fetchall()
        return dict(rows)

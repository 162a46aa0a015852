"""A real Airflow, of either version: an environment, a home with SQLite, and our DAGs as they are."""

import json
import os
import re
import signal
import sqlite3
import subprocess
import time
from functools import cache
from pathlib import Path

import httpx

from server import ROOT, free_port
from world import environment_of

HERE = Path(__file__).resolve().parent
PATIENCE = 300  # seconds until something that must come counts as absent; no measure of speed
END_PATIENCE = 45  # seconds for a command to end: rowan_process gives what a task started 30


def sessions(pid):
    """{pid: session} of all processes below one."""
    try:
        below = [int(one) for task in Path(f"/proc/{pid}/task").iterdir()
                 for one in (task / "children").read_text().split()]
        found = {one: os.getsid(one) for one in below}
    except OSError:  # one has ended meanwhile
        return {}
    for one in below:
        found |= sessions(one)
    return found


@cache
def programs(major):
    printed = subprocess.run(
        [ROOT / "scripts/venv.sh", HERE / f"requirements-airflow{major}.txt"], check=True, cwd=ROOT,
        stdout=subprocess.PIPE, text=True).stdout
    return Path(printed.strip()) / "bin"


def signal_group(group, number):
    try:
        os.killpg(group, number)
    except ProcessLookupError:
        pass


class Airflow:
    """`settings`: what the tasks find in their environment."""

    def __init__(self, major, home, model, **settings):
        self.major, self.home = major, home
        self.bin = programs(major)
        home.mkdir()
        self.runs = home / "runs"
        self.environment = environment_of(
            model, RETRAINING_HOME=self.runs, RETRAINING_UNTIL="data", RETRAINING_RETRY_SECONDS=1, RETRAINING_RETRIES=1,
            AIRFLOW_HOME=home, AIRFLOW__CORE__DAGS_FOLDER=ROOT / "airflow-dags",
            AIRFLOW__CORE__LOAD_EXAMPLES=False,
            AIRFLOW__DATABASE__SQL_ALCHEMY_CONN=f"sqlite:///{home}/airflow.db",
            AIRFLOW__USAGE_DATA_COLLECTION__ENABLED=False, SCARF_ANALYTICS="false",
            DO_NOT_TRACK="true", PYTHONDONTWRITEBYTECODE=1, **settings)
        self.environment["PATH"] = f"{self.bin}:{os.environ['PATH']}"
        self.called, self.is_ended = None, False
        self.call("db", "migrate")

    def call(self, *arguments, well=True):
        """What an Airflow command says."""
        self.called = subprocess.Popen(
            [self.bin / "airflow", *arguments], env=self.environment, text=True, cwd=self.home,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, start_new_session=True)
        try:
            if self.is_ended:
                self.end()
            said, _ = self.called.communicate()
        except BaseException:  # Ctrl-C
            self.end()
            raise
        assert not well or self.called.returncode == 0, said[-6000:]
        return said

    def end(self):
        """Ends the command that runs, which may be another thread's, and lets no other begin. A task
        ends the session of what it has started; one that could not is ended here."""
        self.is_ended = True
        if not self.called:
            return
        others = set(sessions(self.called.pid).values())
        for number, patience in ((signal.SIGTERM, END_PATIENCE), (signal.SIGKILL, END_PATIENCE)):
            if self.called.poll() is None:
                signal_group(self.called.pid, number)
            try:
                self.called.wait(patience)
                break
            except subprocess.TimeoutExpired:
                pass
        for session in others | {self.called.pid}:
            signal_group(session, signal.SIGKILL)

    def given(self, **settings):
        self.environment |= {name: str(value) for name, value in settings.items()}
        return self

    def test(self, dag, day, **conf):
        """`airflow dags test`: the log, {task: state}, and the folder of the run."""
        log = self.call("dags", "test", dag, day, *(["--conf", json.dumps(conf)] if conf else []),
                        well=False)
        rows = self.ask("select task_id, state from task_instance where dag_id = ? and run_id = ?",
                        dag, self.run_id(dag, day))
        assert rows and (self.runs / dag).exists(), log[-4000:]
        [folder] = [one for one in (self.runs / dag).iterdir()
                    if one.name.startswith(re.sub(r"[^A-Za-z0-9._+-]", "_", self.run_id(dag, day)))]
        return log, dict(rows), folder

    def ask(self, query, *values):
        """The database knows, whatever the version prints."""
        with sqlite3.connect(self.home / "airflow.db") as database:
            return database.execute(query, values).fetchall()

    def run_id(self, dag, day):
        [(run_id,)] = self.ask("select run_id from dag_run where dag_id = ? and "
                               f"{'logical_date' if self.major == 3 else 'execution_date'} like ?",
                               dag, f"{day}%")
        return run_id

    def returned(self, dag, day, task):
        """What the task returned: its XCom."""
        [(value,)] = self.ask("select value from xcom where dag_id = ? and task_id = ? and "
                              "run_id = ? and key = 'return_value'", dag, task,
                              self.run_id(dag, day))
        return json.loads(value)

    def tries(self, dag, day, task):
        [(number,)] = self.ask("select try_number from task_instance where dag_id = ? and "
                               "task_id = ? and run_id = ?", dag, task, self.run_id(dag, day))
        return number


class Standalone(Airflow):
    """Scheduler, API and all, as `airflow standalone` starts them."""

    def __init__(self, major, home, model, **settings):
        port = free_port()
        self.url = f"http://127.0.0.1:{port}"
        super().__init__(
            major, home, model, AIRFLOW__API__HOST="127.0.0.1", AIRFLOW__API__PORT=port,
            AIRFLOW__API__BASE_URL=self.url, AIRFLOW__API__WORKERS=1,
            AIRFLOW__CORE__EXECUTION_API_SERVER_URL=f"{self.url}/execution/",
            AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_ALL_ADMINS=True, AIRFLOW__CORE__PARALLELISM=2,
            AIRFLOW__DAG_PROCESSOR__REFRESH_INTERVAL=5,
            AIRFLOW__SCHEDULER__SCHEDULER_HEARTBEAT_SEC=1, **settings)

    def __enter__(self):
        with open(self.home / "standalone.log", "wb") as log:
            self.process = subprocess.Popen([self.bin / "airflow", "standalone"], stdout=log,
                                            stderr=log, env=self.environment, cwd=self.home,
                                            start_new_session=True)
        try:
            assert self.eventually(self._token), self.log
            assert self.eventually(lambda: self.get("/dags/retrain_with_monitoring").is_success)
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        """Its scheduler makes processes in sessions of their own, which end with it if it may end."""
        os.killpg(self.process.pid, signal.SIGTERM)
        try:
            self.process.wait(60)
        except subprocess.TimeoutExpired:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()

    @property
    def log(self):
        return (self.home / "standalone.log").read_text(errors="replace")[-6000:]

    def eventually(self, condition):
        deadline = time.monotonic() + PATIENCE
        while not (value := condition()) and time.monotonic() < deadline:
            assert self.process.poll() is None, self.log
            time.sleep(0.3)
        return value

    def _token(self):
        try:
            reply = httpx.get(f"{self.url}/auth/token")
            self.token = reply.json()["access_token"]
        except (httpx.TransportError, ValueError, KeyError):
            return False
        return True

    def request(self, method, path, **body):
        return httpx.request(method, f"{self.url}/api/v2{path}", json=body or None, timeout=60,
                             headers={"Authorization": f"Bearer {self.token}"})

    def get(self, path):
        return self.request("GET", path)

    def scheduled(self, dag):
        """The state of the run that the scheduler makes when the DAG is no longer paused, the one of
        the last week, and {task: state}."""
        self.request("PATCH", f"/dags/{dag}", is_paused=False).raise_for_status()
        runs = f"/dags/{dag}/dagRuns"

        def ended():
            return [run for run in self.get(runs).json()["dag_runs"]
                    if run["run_type"] == "scheduled" and run["state"] in ("success", "failed")]
        found = self.eventually(ended)
        assert found, (self.get(runs).json(), self.log)
        path = f"{runs}/{found[0]['dag_run_id'].replace('+', '%2B')}/taskInstances"
        tasks = self.get(path).json()["task_instances"]
        return found[0]["state"], {one["task_id"]: one["state"] for one in tasks}

"""How the tasks of both DAGs run the work: a process of another Python environment, whose lines become the task's log.

Airflow pins hundreds of packages, and so does the training; they share none. Only Airflow and the
standard library are imported here.
"""

import hashlib
import os
import re
import signal
import subprocess
import threading

try:
    from airflow.sdk.exceptions import AirflowException, AirflowFailException
except ImportError:  # Airflow 2
    from airflow.exceptions import AirflowException, AirflowFailException

EX_TEMPFAIL = 75  # of sysexits.h: a server is away, and a retry may help
SECONDS_TO_END = 30
# Of the DAG itself: it may say "data", which is no day, and each run says what a step gets of it.
OF_THE_DAG = ("RETRAINING_UNTIL",)


def run_folder(context):
    """A folder of each DAG run: a task that is cleared finds what the others left."""
    home = os.environ.get("RETRAINING_HOME")
    if not home:
        raise AirflowFailException("RETRAINING_HOME is not set: name a folder that all workers share")
    return os.path.join(home, context["dag"].dag_id, folder_name(context["run_id"]))


def folder_name(run_id):
    """One that every file system takes. Two runs never share one: what was replaced is told by a hash."""
    if not run_id.strip("."):
        raise AirflowFailException(f"the run id {run_id!r} can be no folder: give the run another one")
    replaced = re.sub(r"[^A-Za-z0-9._+-]", "_", run_id)
    if replaced == run_id:
        return run_id
    return f"{replaced}-{hashlib.sha256(run_id.encode()).hexdigest()[:8]}"


def run_step(name, context, **environment):
    """`python -m rowan_training step NAME --run DIR`; the folder. None in the environment: as the worker's."""
    folder = run_folder(context)
    python = os.environ.get("ROWAN_PYTHON") or "python3"
    command = [python, "-u", "-m", "rowan_training", "step", name, "--run", folder]
    given = {key: str(value) for key, value in environment.items() if value not in (None, "")}
    shown = (re.sub(r"(?<=://)[^/@\s]*@", "", f"{key}={value}") for key, value in given.items())  # no passwords
    print("$", *command, *shown, flush=True)
    inherited = {key: value for key, value in os.environ.items() if key not in OF_THE_DAG}
    try:
        # A group of its own: what it has started (a load test, Spark) ends with it.
        process = subprocess.Popen(command, env={**inherited, **given}, stdin=subprocess.DEVNULL,
                                   stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                                   errors="replace", start_new_session=True)
    except OSError as error:
        raise AirflowFailException(f"ROWAN_PYTHON is {python}, which cannot run ({error}): name the Python "
                                   "of an environment with requirements.txt") from error
    last = _follow(process)
    if process.returncode == EX_TEMPFAIL:
        raise AirflowException(f"{name}: {last}")
    if process.returncode != 0:
        raise AirflowFailException(f"{name} ended with {process.returncode}: {last}")
    return folder


def _follow(process):
    """Prints what the process says until it ends, and gives its last line; a task that is ended ends it."""
    last = ""
    try:
        with _ended_by_sigterm():
            for line in process.stdout:
                last = line.strip() or last
                print(line.rstrip(), flush=True)
            process.wait()
    finally:
        _end_group(process)
    return last


class _Ended(BaseException):
    """SIGTERM, where Airflow has no handler of its own."""


class _ended_by_sigterm:
    """Airflow's task runner may leave SIGTERM to the system, which would end the task and leave its process."""

    def __enter__(self):
        self.before = None
        if threading.current_thread() is threading.main_thread() and signal.getsignal(signal.SIGTERM) == signal.SIG_DFL:
            self.before = signal.signal(signal.SIGTERM, self._end)

    def __exit__(self, kind, value, traceback):
        if self.before is not None:
            signal.signal(signal.SIGTERM, self.before)
        if kind is _Ended:
            raise AirflowException("the task was ended (SIGTERM)") from None

    @staticmethod
    def _end(*_):
        raise _Ended


def _end_group(process):
    """Also where the process itself has ended, but not what it started."""
    _signal(process, signal.SIGTERM)
    try:
        process.wait(SECONDS_TO_END)
    except subprocess.TimeoutExpired:
        pass
    _signal(process, signal.SIGKILL)
    process.wait()


def _signal(process, number):
    try:
        os.killpg(process.pid, number)
    except ProcessLookupError:
        pass

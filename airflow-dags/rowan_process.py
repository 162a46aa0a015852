"""How the tasks of both DAGs run the work: a process of another Python environment, whose lines become the task's log.

Airflow pins hundreds of packages, and so does the training; they share none. Only Airflow and the
standard library are imported here.
"""

import os
import re
import subprocess

try:
    from airflow.sdk.exceptions import AirflowException, AirflowFailException
except ImportError:  # Airflow 2
    from airflow.exceptions import AirflowException, AirflowFailException

EX_TEMPFAIL = 75  # of sysexits.h: a server is away, and a retry may help
SECONDS_TO_END = 30


def run_folder(context):
    """A folder of each DAG run: a task that is cleared finds what the others left."""
    home = os.environ.get("RETRAINING_HOME")
    if not home:
        raise AirflowFailException("RETRAINING_HOME is not set: name a folder that all workers share")
    run_id = re.sub(r"[^A-Za-z0-9._+-]", "_", context["run_id"])
    return os.path.join(home, context["dag"].dag_id, run_id)


def run_step(name, context, **environment):
    """`python -m rowan_training step NAME --run DIR`; the folder. None in the environment: not set."""
    folder = run_folder(context)
    python = os.environ.get("ROWAN_PYTHON") or "python3"
    command = [python, "-u", "-m", "rowan_training", "step", name, "--run", folder]
    given = {key: str(value) for key, value in environment.items() if value not in (None, "")}
    print("$", *command, *(f"{key}={value}" for key, value in given.items()), flush=True)
    try:
        process = subprocess.Popen(command, env={**os.environ, **given}, stdin=subprocess.DEVNULL,
                                   stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                                   errors="replace")
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
        for line in process.stdout:
            last = line.strip() or last
            print(line.rstrip(), flush=True)
        process.wait()
    finally:
        if process.poll() is None:
            process.terminate()
            try:
                process.wait(SECONDS_TO_END)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
    return last

"""Weekly: trains a challenger on fresh transactions, and lets it take the champion's place if it earns it.

Each task is one step of `rowan_training` in an environment of its own, and leaves its result in the
run's folder, so that a task that is cleared goes on from there. docs/retraining.md has the whole.
"""

import json
import os
from datetime import datetime, timedelta, timezone

from rowan_process import AirflowFailException, run_step

try:
    from airflow.sdk import Param, dag, get_current_context, task
except ImportError:  # Airflow 2
    from airflow.decorators import dag, task
    from airflow.models.param import Param
    from airflow.operators.python import get_current_context

ENDED_WELL = ("promoted", "refused")
# A day, at most; what the task waits for beside it (RETRAINING_ROLLOUT_MINUTES) has an hour.
CANARY_MINUTES = 1440
# Of RETRAINING_UNTIL: the last full day of the data, whatever the day of the run; of data that do not grow.
UNTIL_OF_DATA = "data"
PARAMS = {
    "data": Param(None, type=["null", "string"], description="Source of the transactions; RETRAINING_DATA unless given."),
    "model": Param(None, type=["null", "string"], enum=[None, "xgboost", "lightgbm", "random-forest"],
                   description="Kind of model; RETRAINING_MODEL unless given."),
    "engine": Param(None, type=["null", "string"], enum=[None, "local", "spark"],
                    description="Where it is trained; RETRAINING_ENGINE unless given."),
    "seed": Param(None, type=["null", "integer"], minimum=0, description="Of the training."),
    "until": Param(None, type=["null", "string"], format="date",
                   description="Last day of the transactions; the day before the run's date unless given."),
    "canary_minutes": Param(None, type=["null", "number"], minimum=0, maximum=CANARY_MINUTES,
                            description="How long the challenger answers its share first; RETRAINING_CANARY_MINUTES unless given."),
}


def step(name, *after, **options):
    """The task of a step, after others."""
    @task(task_id="check_kafka" if name == "kafka" else name, **options)
    def run():
        context = get_current_context()
        given = {f"RETRAINING_{key.upper()}": value for key, value in context["params"].items() if key in PARAMS}
        given["RETRAINING_UNTIL"] = given.get("RETRAINING_UNTIL") or last_day(context)
        return result_of(name, run_step(name, context, **given))

    made = run()
    for one in after:
        one >> made
    return made


def last_day(context):
    """The day before the run's date: a run that is cleared weeks later reads the same days again."""
    set_by_worker = os.environ.get("RETRAINING_UNTIL")
    if set_by_worker:
        return None if set_by_worker == UNTIL_OF_DATA else set_by_worker
    date = context.get("data_interval_end") or context.get("logical_date")
    return (date - timedelta(days=1)).date().isoformat() if date else None


def result_of(name, folder):
    """What the next task must know: the whole is in the folder."""
    with open(os.path.join(folder, f"{name}.json"), encoding="utf-8") as file:
        result = json.load(file)
    return {key: result[key] for key in ("version", "outcome", "rows", "frauds") if key in result}


@dag(
    dag_id="retrain_with_monitoring",
    description="Retrains the fraud model, and promotes what passes the gate",
    schedule="0 3 * * 1",
    start_date=datetime(2026, 1, 5, tzinfo=timezone.utc),
    catchup=False,
    max_active_runs=1,
    params=PARAMS,
    tags=["rowan", "mlops"],
    default_args={
        "owner": "mlops",
        "retries": int(os.environ.get("RETRAINING_RETRIES") or 3),
        "retry_delay": timedelta(seconds=float(os.environ.get("RETRAINING_RETRY_SECONDS") or 60)),
        "retry_exponential_backoff": True,
        "max_retry_delay": timedelta(minutes=30),
        "execution_timeout": timedelta(hours=6),
    },
    doc_md=__doc__,
)
def retrain_with_monitoring():
    check_kafka = step("kafka")
    extract = step("extract", check_kafka)
    validate = step("validate", extract)
    train = step("train", validate)
    champion = step("champion", train)
    evaluate = step("evaluate", champion)

    @task.short_circuit(ignore_downstream_trigger_rules=False)
    def gate():
        """A refusal is no failure: the tasks that would promote are skipped, and the report tells of it."""
        folder = run_step("gate", get_current_context())
        with open(os.path.join(folder, "gate.json"), encoding="utf-8") as file:
            return json.load(file)["passed"]

    passed = gate()
    evaluate >> passed
    register = step("register", passed)
    # A retry begins the canary anew.
    canary = step("canary", register, retries=1, execution_timeout=timedelta(minutes=CANARY_MINUTES + 60))
    promote = step("promote", canary)
    watch = step("watch", promote)

    @task(trigger_rule="all_done")
    def report():
        """Tells Pushgateway how the run ended. A run that did not end well must not look as if it had: it fails here."""
        folder = run_step("report", get_current_context())
        with open(os.path.join(folder, "report.json"), encoding="utf-8") as file:
            told = json.load(file)
        if told["outcome"] not in ENDED_WELL:
            raise AirflowFailException(f"this retraining: {told['outcome']}, {told['reason']}")
        return {"outcome": told["outcome"]}

    watch >> report()


retrain_with_monitoring()

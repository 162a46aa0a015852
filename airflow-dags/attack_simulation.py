"""On demand: floods Kafka with simulated transactions, as `kafka-load-test --attack` does, or a share of that.

The report stays in the run's folder, and its figures go to Pushgateway. docs/retraining.md has the settings.
"""

import json
import os
from datetime import datetime, timedelta, timezone

from rowan_process import run_step

try:
    from airflow.sdk import Param, dag, get_current_context, task
except ImportError:  # Airflow 2
    from airflow.decorators import dag, task
    from airflow.models.param import Param
    from airflow.operators.python import get_current_context

# Of the whole attack: nothing may be asked that is more than it.
RATE, SECONDS = 5000, 660
# The rest is None without ATTACK_VERIFY.
KEPT = ("complete", "sent", "acknowledged", "failed", "verified", "once", "missing", "doubled", "misplaced")


@dag(
    dag_id="attack_simulation",
    description="A flood of simulated transactions into Kafka",
    schedule=None,
    start_date=datetime(2026, 1, 5, tzinfo=timezone.utc),
    catchup=False,
    max_active_runs=1,
    params={
        "rate": Param(RATE, type="number", minimum=1, maximum=RATE, description="Messages a second of the last phase, the worst one."),
        "seconds": Param(SECONDS, type="number", minimum=4, maximum=SECONDS, description="Length of all four phases together."),
    },
    tags=["rowan", "mlops"],
    default_args={"owner": "mlops", "retries": 0, "execution_timeout": timedelta(hours=1)},
    doc_md=__doc__,
)
def attack_simulation():
    # No retry: half an attack, and then a whole one, would be an attack that nobody asked for.
    @task
    def attack():
        context = get_current_context()
        folder = run_step("attack", context, ATTACK_RATE=context["params"]["rate"], ATTACK_SECONDS=context["params"]["seconds"])
        with open(os.path.join(folder, "attack.json"), encoding="utf-8") as file:
            told = json.load(file)
        return {key: told[key] for key in KEPT}

    attack()


attack_simulation()

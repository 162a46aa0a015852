"""Runs the command line of training, one child a request: what takes seconds, the imports, is done once.

Reads JSON lines {"arguments", "environment", "output"} from standard input, and answers each with the
exit status of the child. Runs in training's environment.
"""

import importlib
import json
import os
import sys
import traceback
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "training"))

from rowan_training.__main__ import main  # noqa: E402
from rowan_training.steps import STEPS  # noqa: E402

for module, _ in STEPS.values():
    importlib.import_module(module)
# What an import has set for MLflow's client is part of it.
SET = {name: value for name, value in os.environ.items() if name.startswith("MLFLOW_")}


def child(request):
    output = os.open(request["output"], os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    for descriptor in (1, 2):
        os.dup2(output, descriptor)
    os.environ.clear()
    os.environ.update({**SET, **request["environment"]})
    try:
        status = main(request["arguments"])
    except SystemExit as ended:
        status = ended.code
    except BaseException:
        traceback.print_exc()
        status = 1
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)


for line in sys.stdin:
    pid = os.fork()
    if pid == 0:
        child(json.loads(line))
    print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), flush=True)

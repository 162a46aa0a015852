"""M1 to M4 as C, compiled with gcc: to_tl2cgen.py MODELS OUT.  Takes minutes.

Prints one JSON object: the seconds that each model took.
"""

import json
import sys
import time
from pathlib import Path

import tl2cgen
import treelite

# Files into which a forest is split, a tree each at most: gcc takes far longer for large ones.
MOST_FILES = 100


def load(models: Path, name: str):
    if name == "M3":
        return treelite.frontend.load_lightgbm_model(models / "M3.txt")
    return treelite.frontend.load_xgboost_model(models / f"{name}.json", format_choice="use_suffix")


def main() -> None:
    models, out = map(Path, sys.argv[1:])
    seconds = {}
    for name in ("M1", "M2", "M3", "M4"):
        started = time.monotonic()
        model = load(models, name)
        tl2cgen.export_lib(model, toolchain="gcc", libpath=out / f"{name}.so", nthread=2,
                           params={"parallel_comp": min(model.num_tree, MOST_FILES)})
        seconds[name] = round(time.monotonic() - started, 1)
    print(json.dumps(seconds))


if __name__ == "__main__":
    main()

"""M3 through LLVM into a shared library: to_lleaves.py MODELS OUT.

Prints one JSON object: the seconds that it took.
"""

import json
import subprocess
import sys
import time
from pathlib import Path

import lleaves


def main() -> None:
    models, out = map(Path, sys.argv[1:])
    started = time.monotonic()
    compiled = out / "M3.o"
    compiled.unlink(missing_ok=True)
    lleaves.Model(model_file=models / "M3.txt").compile(cache=compiled)
    subprocess.run(["gcc", "-shared", "-o", out / "M3.so", compiled, "-lm"], check=True)
    print(json.dumps({"M3": round(time.monotonic() - started, 1)}))


if __name__ == "__main__":
    main()

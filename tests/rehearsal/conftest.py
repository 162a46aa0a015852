"""The modules of the rehearsal, and those of the cluster test that they stand on."""

import sys
from pathlib import Path

sys.path[:0] = [str(Path(__file__).parents[1] / "cluster")]

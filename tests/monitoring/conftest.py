"""What the tests of monitoring/ share: the real servers of tests/http, tests/kafka, tests/sync."""

import sys
from pathlib import Path

TESTS = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(TESTS / "http"), str(TESTS / "kafka"), str(TESTS / "manifests"),
                str(TESTS / "sync"), str(Path(__file__).parent)]

from fixtures import place, public_folder  # noqa: E402, F401

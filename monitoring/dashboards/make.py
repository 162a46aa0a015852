#!/usr/bin/env python3
"""Prints ml-model-dashboard.json; `make docs-dashboard` writes it."""

import sys

from ml_dashboard.build import text

sys.stdout.write(text())

"""The population stability index by its definition, and distributions that have a given one."""

import math

BINS = ("0.001", "0.005", "0.025", "0.1", "0.3", "0.5", "0.7", "0.9", "0.99", "1.0")
EMPTY = 1e-4  # share of an empty bin


def psi(actual, expected):
    """Of two lists of shares."""
    pairs = [(max(a, EMPTY), max(e, EMPTY)) for a, e in zip(actual, expected, strict=True)]
    return sum((a - e) * math.log(a / e) for a, e in pairs)


def shares(*weights):
    return [weight / sum(weights) for weight in weights]


QUIET = shares(40, 25, 15, 8, 4, 3, 2, 1.5, 1, 0.5)
# The last bin but one is empty.
OTHER = shares(5, 5, 10, 10, 20, 20, 15, 10, 0, 5)


def shifted(index):
    """A mixture of the two whose index against QUIET is the given one, by bisection."""
    low, high = 0, 1
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if psi(mixed(middle), QUIET) < index else (low, middle)
    return mixed(high)


def mixed(part):
    return [(1 - part) * quiet + part * other
            for quiet, other in zip(QUIET, OTHER, strict=True)]

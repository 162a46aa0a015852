"""Expressions of PromQL, as a parser reads them."""

import operator
from dataclasses import dataclass

import promql_parser

ARITHMETIC = {"*": operator.mul, "/": operator.truediv, "+": operator.add, "-": operator.sub}
MIRRORED = {"==": "==", "!=": "!=", ">": "<", "<": ">", ">=": "<=", "<=": ">="}


def parts(expression):
    """Every node of a parsed expression, from the outside in."""
    yield expression
    for name in ("lhs", "rhs", "expr", "param", "vector_selector"):
        if (part := getattr(expression, name, None)) is not None:
            yield from parts(part)
    for part in getattr(expression, "args", ()):
        yield from parts(part)


def series(expression):
    """Names of the series that an expression, or its text, reads, in its order."""
    if isinstance(expression, str):
        expression = promql_parser.parse(expression)
    return list(dict.fromkeys(part.name for part in parts(expression)
                              if isinstance(part, promql_parser.VectorSelector)))


def constant(expression):
    """The number that an expression without series is, else None."""
    if isinstance(expression, promql_parser.NumberLiteral):
        return expression.val
    if isinstance(expression, promql_parser.ParenExpr):
        return constant(expression.expr)
    if isinstance(expression, promql_parser.BinaryExpr) and str(expression.op) in ARITHMETIC:
        sides = constant(expression.lhs), constant(expression.rhs)
        return None if None in sides else ARITHMETIC[str(expression.op)](*sides)
    return None


@dataclass(frozen=True)
class Comparison:
    left: object   # an expression with series
    op: str
    bound: object  # the other one
    value: float | None  # of a bound that is a number


def comparisons(query):
    """Every comparison in a query, from left to right; a number in front is put behind."""
    for part in parts(promql_parser.parse(query)):
        op = str(getattr(part, "op", None))
        if op not in MIRRORED:
            continue
        left, bound = part.lhs, part.rhs
        if constant(left) is not None:
            left, op, bound = bound, MIRRORED[op], left
        yield Comparison(left, op, bound, constant(bound))

"""Expressions of PromQL, as a parser reads them."""

import promql_parser


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

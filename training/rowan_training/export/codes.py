"""Splits by a set of category codes, as comparisons of codes, which is all that ONNX's trees know.

One comparison does where the set is a run of codes at one end, a single code, or all but one. Any other set becomes a small
search among its runs, and what stands below is repeated for each run that leads there.
"""

from collections.abc import Mapping

import numpy as np

from rowan_training.export.ensemble import LARGEST, LEAF, Tree
from rowan_training.export.packed import ExportError

# Repeating must not make a model that nobody trained: of one tree.
MAX_NODES = 1 << 20


def code_split(yes: np.ndarray) -> tuple[float, bool, bool] | None:
    """The one comparison that says yes to exactly the codes of `yes`: threshold, equals, swap; None if there is none."""
    codes, others = np.flatnonzero(yes), np.flatnonzero(~yes)
    if not len(others):
        return LARGEST, False, False
    if not len(codes):
        return LARGEST, False, True
    if codes[-1] < others[0]:
        return codes[-1] + 0.5, False, False
    if others[-1] < codes[0]:
        return others[-1] + 0.5, False, True
    if len(codes) == 1:
        return float(codes[0]), True, False
    if len(others) == 1:
        return float(others[0]), True, True
    return None


def with_sets(tree: Tree, sets: Mapping[int, np.ndarray]) -> Tree:
    """The tree with the splits `sets` (by node: for each code, whether it goes to `yes`) as comparisons.

    A repeated node's cover is not known: then the tree has none, and no contributions.
    """
    if not sets:
        return tree
    return _Expansion(tree, sets).run()


class _Expansion:
    """Nodes of the new tree; `origin` says whose feature or leaf a node has."""

    def __init__(self, tree: Tree, sets: Mapping[int, np.ndarray]) -> None:
        self._tree, self._sets = tree, sets
        self._origin: list[int] = []
        self._threshold: list[float] = []
        self._equals: list[bool] = []
        self._missing_yes: list[bool] = []
        self._children: list[list[int]] = []
        self._repeats = False

    def run(self) -> Tree:
        # Nodes of the old tree to place: as child `side` of node `parent`.
        todo = [(0, -1, 0)]
        while todo:
            node, parent, side = todo.pop()
            todo += self._place(node, parent, side)
        return self._tree_of_nodes()

    def _place(self, node: int, parent: int, side: int) -> list[tuple[int, int, int]]:
        yes, no = int(self._tree.yes[node]), int(self._tree.no[node])
        missing_yes = bool(self._tree.missing_yes[node])
        if node not in self._sets:
            new = self._add(node, parent, side, self._tree.threshold[node], self._tree.equals[node], missing_yes)
            return [] if yes == LEAF else [(yes, new, 0), (no, new, 1)]
        comparison = code_split(self._sets[node])
        if comparison is None:
            self._repeats = True
            return self._search(node, parent, side, self._runs(node), missing_yes)
        threshold, equals, swap = comparison
        new = self._add(node, parent, side, threshold, equals, missing_yes ^ swap)
        return [(no, new, 0), (yes, new, 1)] if swap else [(yes, new, 0), (no, new, 1)]

    def _runs(self, node: int) -> list[tuple[int, bool]]:
        """Last code of each run of codes that go the same way, and whether that is to yes."""
        yes = self._sets[node]
        ends = [*np.flatnonzero(yes[1:] != yes[:-1]), len(yes) - 1]
        return [(int(end), bool(yes[end])) for end in ends]

    def _search(
        self, node: int, parent: int, side: int, runs: list[tuple[int, bool]], missing_yes: bool
    ) -> list[tuple[int, int, int]]:
        if len(runs) == 1:
            child = self._tree.yes[node] if runs[0][1] else self._tree.no[node]
            return [(int(child), parent, side)]
        first, second = runs[: len(runs) // 2], runs[len(runs) // 2 :]
        # A missing value goes to a half in which some run goes its way; a half of two runs or more has both ways.
        missing_first = any(way == missing_yes for _, way in first)
        new = self._add(node, parent, side, first[-1][0] + 0.5, False, missing_first)
        return self._search(node, new, 0, first, missing_yes) + self._search(node, new, 1, second, missing_yes)

    def _add(self, node: int, parent: int, side: int, threshold: float, equals: bool, missing_yes: bool) -> int:
        new = len(self._origin)
        if new == MAX_NODES:
            raise ExportError("the splits by sets of texts make a tree too large: train with fewer texts or less depth")
        self._origin.append(node)
        self._threshold.append(float(threshold))
        self._equals.append(bool(equals))
        self._missing_yes.append(missing_yes)
        self._children.append([LEAF, LEAF])
        if parent >= 0:
            self._children[parent][side] = new
        return new

    def _tree_of_nodes(self) -> Tree:
        children = np.array(self._children)
        return Tree(
            feature=self._tree.feature[self._origin],
            threshold=np.array(self._threshold),
            equals=np.array(self._equals),
            yes=children[:, 0],
            no=children[:, 1],
            missing_yes=np.array(self._missing_yes),
            # Ones do not add up, which says that they are no cover.
            cover=np.ones(len(children)) if self._repeats else self._tree.cover[self._origin],
            value=self._tree.value[self._origin],
        )

"""Which replicas are behind a version that was promoted."""

from rowan_training.retraining.prometheus import Replicas

BEFORE = ("a", "b", "c")
NEW = frozenset({"2"})


def replicas(up: str, down: str = "", **versions: frozenset[str]) -> Replicas:
    return Replicas(frozenset(up), frozenset(down), {one: versions.get(one, NEW) for one in up})


def test_nobody_is_behind_when_all_serve_the_version() -> None:
    assert replicas("abc").behind("2", BEFORE) == []


def test_another_version_or_one_beside_it_is_behind() -> None:
    seen = replicas("abc", a=frozenset({"1"}), b=frozenset({"1", "2"}))
    assert seen.behind("2", BEFORE) == ["a", "b"]


def test_one_that_does_not_answer_any_more_is_behind_however_many_may_go() -> None:
    assert replicas("ab", down="c").behind("2", BEFORE, may_go=2) == ["c (down)"]


def test_one_that_was_down_before_is_not_waited_for() -> None:
    assert replicas("abc", down="d").behind("2", BEFORE) == []


def test_those_that_were_taken_away_are_behind_beyond_as_many_as_may_go() -> None:
    assert replicas("a").behind("2", BEFORE) == ["b (gone)", "c (gone)"]
    assert replicas("a").behind("2", BEFORE, may_go=1) == ["b (gone)"]
    assert replicas("a").behind("2", BEFORE, may_go=2) == []


def test_new_ones_take_the_places_of_others() -> None:
    assert replicas("ade").behind("2", BEFORE) == []
    assert replicas("ad", d=frozenset({"1"})).behind("2", BEFORE) == ["d", "b (gone)"]

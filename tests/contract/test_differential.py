"""Thousands of bodies: Rowan and pydantic accept the same, and refuse the same fields."""

import json

import pytest

from bodies import corpus
from reference import NotJson, Reference
from test_differences import comparable

N_BODIES = 6000


@pytest.mark.parametrize("name, seed", [("fraud", 1), ("fraud", 2), ("wide", 3), ("wide", 4)])
def test_accepts_and_refuses_as_pydantic_does(name, seed, request):
    probe = request.getfixturevalue(name)
    contract = json.loads(probe.contract.read_text())
    reference = Reference(contract)
    bodies = list(corpus(contract, N_BODIES, seed))
    count = {"accepted": 0, "violations": 0, "not JSON": 0, "known difference": 0}
    for body, answer in zip(bodies, probe.ask(bodies)):
        try:
            expected = reference.violations(body)
        except NotJson:
            assert not answer.is_json, body
            count["not JSON"] += 1
            continue
        seen = [] if answer.status == 200 else answer.violations
        seen, expected, differs = comparable(seen, expected)
        assert seen == expected, body
        count["known difference"] += differs
        count["violations" if expected else "accepted"] += 1
    print(count)
    # the corpus says something about each outcome, and little is left out
    assert min(count["accepted"], count["violations"], count["not JSON"]) > N_BODIES // 20
    assert count["known difference"] < N_BODIES // 20

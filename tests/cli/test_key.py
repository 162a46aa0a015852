"""`rowan key` makes a key that nobody guesses, and the line by which a server knows it."""

import base64
import hashlib
import subprocess

import pytest

from tool import ROWAN


def test_the_line_has_the_digest_of_the_key(rowan):
    process = rowan("key", "payments", "--class", "high")
    assert process.returncode == 0
    key = process.stderr.decode().rstrip("\n")
    assert process.stdout.decode() == f"{hashlib.sha256(key.encode()).hexdigest()} high payments\n"


def test_the_key_is_base64url_of_256_bits(rowan):
    for _ in range(20):
        key = rowan("key", "a").stderr.decode().rstrip("\n")
        assert len(base64.urlsafe_b64decode(key + "=")) == 32
        raw = base64.urlsafe_b64decode(key + "=")
        assert base64.urlsafe_b64encode(raw).decode().rstrip("=") == key


def test_no_two_keys_are_the_same(rowan):
    assert len({rowan("key", "a").stderr for _ in range(50)}) == 50


@pytest.mark.parametrize("arguments, priority", [([], "normal"), (["--class", "low"], "low"),
                                                 (["--class=high"], "high")])
def test_the_class_is_normal_unless_told(rowan, arguments, priority):
    process = rowan("key", "A-b_c.9", *arguments)
    assert process.stdout.decode().split()[1:] == [priority, "A-b_c.9"]


def test_a_key_whose_line_is_lost_is_not_shown():
    with open("/dev/full", "wb") as full:
        process = subprocess.run([ROWAN, "key", "a"], stdout=full, stderr=subprocess.PIPE)
    assert process.returncode == 1
    assert process.stderr.decode().startswith("rowan: standard output: cannot be written")
    assert process.stderr.count(b"\n") == 1

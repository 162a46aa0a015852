"""Help, version and exit codes, whatever the command."""

import re
import subprocess

import pytest

from tool import ROWAN

COMMANDS = ["inspect", "verify", "score", "bench", "key", "simulate"]
OPTIONS = {
    "inspect": {"--json", "--help"},
    "verify": {"--help"},
    "score": {"--id", "--stop-on-error", "--no-progress", "--help"},
    "bench": {"--rows", "--seconds", "--help"},
    "key": {"--class", "--help"},
    "simulate": {"--seed", "--customers", "--terminals", "--days", "--radius", "--start", "--format", "--count",
                 "--label", "--no-progress", "--help"},
}
SECTIONS = ["NAME", "SYNOPSIS", "DESCRIPTION", "OPTIONS", "EXIT STATUS", "EXAMPLES"]


def test_version_is_that_of_the_header(rowan):
    process = rowan("--version")
    assert process.returncode == 0
    assert re.fullmatch(rb"rowan \d+\.\d+\.\d+\n", process.stdout)


def test_help_lists_every_command(rowan):
    process = rowan("--help")
    assert process.returncode == 0 and process.stderr == b""
    for command in COMMANDS:
        assert re.search(rf"^    {command} ", process.stdout.decode(), re.MULTILINE)


@pytest.mark.parametrize("command", COMMANDS)
def test_help_of_a_command_is_a_whole_page(rowan, command):
    process = rowan(command, "--help")
    assert process.returncode == 0 and process.stderr == b""
    text = process.stdout.decode()
    assert re.findall(r"^[A-Z][A-Z ]+$", text, re.MULTILINE) == SECTIONS
    assert set(re.findall(r"^    (--[a-z-]+)", text, re.MULTILINE)) == OPTIONS[command]
    assert all(len(line) <= 88 for line in text.splitlines())


@pytest.mark.parametrize("command", COMMANDS)
def test_examples_of_the_help_use_the_command(rowan, command):
    examples = rowan(command, "--help").stdout.decode().split("EXAMPLES\n")[1]
    assert f"rowan {command} " in examples


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["no-such-command"],
        ["--no-such-option"],
        ["inspect"],
        ["inspect", "a", "b"],
        ["inspect", "--jsn", "a"],
        ["inspect", "--json=yes", "a"],
        ["inspect", "-j", "a"],
        ["verify"],
        ["score", "a"],
        ["score", "a", "b", "c"],
        ["score", "a", "b", "--id"],
        ["bench"],
        ["bench", "a", "b"],
        ["bench", "a", "--seconds", "0"],
        ["bench", "a", "--seconds", "-1"],
        ["bench", "a", "--seconds", "soon"],
        ["bench", "a", "--seconds", "nan"],
        ["bench", "a", "--seconds", "1e9"],
        ["bench", "a", "--seconds="],
        ["key"],
        ["key", ""],
        ["key", "a b"],
        ["key", "x" * 65],
        ["key", "a", "b"],
        ["key", "a", "--class", "urgent"],
    ],
    ids=lambda arguments: " ".join(arguments) or "nothing",
)
def test_wrong_command_line_exits_2_and_names_the_help(rowan, arguments):
    process = rowan(*arguments)
    assert process.returncode == 2
    assert process.stdout == b""
    assert process.stderr.startswith(b"rowan: ") and b"--help" in process.stderr


@pytest.mark.parametrize("command", [["inspect"], ["verify"], ["score"], ["bench"]])
def test_model_that_is_not_there_exits_1(rowan, command, tmp_path):
    operands = [tmp_path / "nothing"] + (["-"] if command == ["score"] else [])
    process = rowan(*command, *operands)
    assert process.returncode == 1
    assert b"nothing: " in process.stderr and b"No such file or directory" in process.stderr


def test_operands_after_two_dashes_may_look_like_options(rowan):
    process = rowan("inspect", "--", "--json")
    assert process.returncode == 1
    assert b"--json: " in process.stderr


def test_output_that_cannot_be_written_is_an_error(fraud):
    with open("/dev/full", "wb") as full:
        process = subprocess.run([ROWAN, "inspect", fraud], stdout=full, stderr=subprocess.PIPE)
    assert process.returncode == 1
    assert b"standard output" in process.stderr and b"No space left" in process.stderr

"""`rowan metrics`, and the page of the documentation that comes from it."""

import subprocess

from counting import ROOT, ROWAN


def run(*arguments):
    return subprocess.run([ROWAN, "metrics", *map(str, arguments)], capture_output=True, text=True)


def test_the_documentation_lists_the_metrics_that_there_are():
    text = (ROOT / "docs" / "metrics.md").read_text()
    table = text.split("<!-- metrics: begin -->\n")[1].split("<!-- metrics: end -->")[0]
    assert table == run("--list").stdout, "make docs-metrics writes it anew"


def test_a_directory_or_the_list_is_asked_for_and_not_both(directory):
    for arguments in ((), ("--list", directory)):
        process = run(*arguments)
        assert process.returncode == 2 and "DIR or --list" in process.stderr


def test_a_directory_that_is_not_there_is_named():
    process = run("/nonexistent")
    assert process.returncode == 1 and process.stdout == ""
    assert "/nonexistent: cannot open it" in process.stderr


def test_a_file_that_is_no_page_is_named_and_the_rest_is_printed(directory, start):
    start().do("add", "http_errors_total", 5, "503")
    (directory / "broken.page").write_bytes(b"x" * 5000)
    process = run(directory)
    assert process.returncode == 0
    assert "broken.page" in process.stderr and "not a page of metrics" in process.stderr
    assert 'http_errors_total{status_code="503"} 5\n' in process.stdout


def test_help_shows_what_it_takes():
    text = run("--help").stdout
    assert "DIR | --list" in text and "--openmetrics" in text

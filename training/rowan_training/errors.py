"""What can go wrong in a command, and the exit code that tells a scheduler whether to try again."""

import re


def without_userinfo(text: str) -> str:
    """The text with the user and password of each URI left out: logs and registries are read by many."""
    return re.sub(r"(?<=://)[^/@\s]*@", "", text)


class WorkError(Exception):
    """A retry will not help: the data or the settings must change. The text is one line: what, where, what to do."""

    exit_code = 1

    def __init__(self, text: str) -> None:
        super().__init__(without_userinfo(text))


class ServerAway(WorkError):
    """A server does not answer; it may later. EX_TEMPFAIL of sysexits.h."""

    exit_code = 75

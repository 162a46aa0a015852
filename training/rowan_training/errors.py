"""What can go wrong in a command, and the exit code that tells a scheduler whether to try again."""


class WorkError(Exception):
    """A retry will not help: the data or the settings must change. The text is one line: what, where, what to do."""

    exit_code = 1


class ServerAway(WorkError):
    """A server does not answer; it may later. EX_TEMPFAIL of sysexits.h."""

    exit_code = 75

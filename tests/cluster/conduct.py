"""What every run on the cluster has in common: whatever happens, the cluster is taken down, or left
up as was asked for (KEEP=1, `--attach`)."""

import os
import signal
import sys
import time

import node
import processes
from place import LOGS, Failed, say


def on_signal(number, _frame):
    raise KeyboardInterrupt(signal.Signals(number).name)


def tell_of_fallen():
    """A daemon that has ended explains more than the check that failed."""
    for text in processes.fallen():
        say(text)


def attempt(arguments, perform):
    """What `perform(arguments)` says, False when it breaks off."""
    try:
        return perform(arguments)
    except Failed as failure:
        print(failure, file=sys.stderr)
        tell_of_fallen()
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
    finally:
        if arguments.attach or os.environ.get("KEEP") == "1":
            say(f"left up; logs in {LOGS}; tests/cluster/cluster.py down ends it")
        else:
            node.down()
    return False


def conduct(arguments, perform):
    """The exit status of a run. `arguments`: image and attach among them."""
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, on_signal)
    try:
        if not arguments.image.exists():
            raise Failed(f"{arguments.image}: no such file; `make image` makes it")
        if not arguments.attach:
            node.check_machine()
    except Failed as failure:  # what is there is not this run's to take down
        print(failure, file=sys.stderr)
        return 1
    began = time.monotonic()
    passed = attempt(arguments, perform)
    say(f"{(time.monotonic() - began) / 60:.1f} minutes")
    return 0 if passed else 1

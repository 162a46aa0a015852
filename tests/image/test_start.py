"""How long a start takes: from the exec of `rowan serve`, in the image's root filesystem, to the
first prediction. Docker's own part, such as its network, which is half a second late, is no part
of it."""

import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

from engine import PATIENCE, Namespace

HERE = Path(__file__).parent
USER = "65532:65532"
ROUNDS = 9


def test_how_long_a_start_takes(root, image_config, capsys):
    """Printed, and compared with nothing: the time is this machine's."""
    environment = dict(setting.split("=", 1) for setting in image_config["Env"])
    environment["ROWAN_SHARE_DIR"] = "/usr/share/rowan"  # without /proc it is not found
    times = []
    with Namespace() as namespace:
        for _ in range(ROUNDS):
            probe = subprocess.Popen(namespace.enter(sys.executable, HERE / "first_answer.py", 8000),
                                     stdout=subprocess.PIPE, text=True)
            time.sleep(0.2)  # it asks by now
            began = time.time()
            server = subprocess.Popen(
                namespace.enter(shutil.which("chroot"), f"--userspec={USER}", root,
                                *image_config["Entrypoint"]), env=environment,
                stderr=subprocess.DEVNULL)
            times.append(float(probe.communicate(timeout=PATIENCE)[0]) - began)
            server.send_signal(signal.SIGQUIT)
            assert server.wait(PATIENCE) == 0
    low, *_, high = sorted(times)
    with capsys.disabled():
        print(f"\nstart to first prediction {1e3 * low:.0f} to {1e3 * high:.0f} ms, median "
              f"{1e3 * sorted(times)[ROUNDS // 2]:.0f}")

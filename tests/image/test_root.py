"""Outside of the image root may start the program, on a system whose names come from libraries."""

import shutil
import signal
import subprocess

from engine import PATIENCE, Namespace, eventually


def test_roots_workers_are_another_user(root, image_config, tmp_path):
    """glibc's initgroups, static, crashes in services of nsswitch.conf that are libraries."""
    changed = {root / "etc/passwd": "root:x:0:0::/:/none\nwww-data:x:33:33::/:/none\n",
               root / "etc/group": "root:x:0:\nwww-data:x:33:\n",
               root / "etc/nsswitch.conf": "passwd: files systemd\ngroup: files systemd\n"}
    before = {path: path.read_text() for path in changed}
    for path, text in changed.items():
        path.write_text(text)
    environment = dict(setting.split("=", 1) for setting in image_config["Env"])
    environment["ROWAN_SHARE_DIR"] = "/usr/share/rowan"  # without /proc it is not found
    environment["RUNTIME_DIR"] = "/run/of-root"
    log = tmp_path / "log"
    with Namespace() as namespace, open(log, "wb") as written:
        server = subprocess.Popen(namespace.enter(shutil.which("chroot"), root,
                                                  *image_config["Entrypoint"]),
                                  env=environment, stderr=written)
        answers = namespace.enter("curl", "--silent", "--fail", "http://127.0.0.1:8000/readyz")
        ready = eventually(lambda: subprocess.run(answers, capture_output=True).returncode == 0)
        configured = (root / "run/of-root/nginx.conf").read_text()
        server.send_signal(signal.SIGQUIT)
        ended = server.wait(PATIENCE)
    for path, text in before.items():
        path.write_text(text)
    assert ready and ended == 0, log.read_text()
    assert "\nuser www-data" in configured
    assert "exited on signal" not in log.read_text()

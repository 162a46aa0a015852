"""One node of Kubernetes with its control plane, as processes of this machine.

Besides HOME it touches: the network namespace `k8s`, the cgroups `kubepods`, five settings of the
kernel that kubelet changes (they are set back), and folders whose place kubelet and containerd do
not let one choose: /var/lib/kubelet, /var/log/containers, /run/containerd, /var/lib/cni. Of these
only what this node wrote is removed.
"""

import json
import os
import shutil
from pathlib import Path

import containers
import images
import network
import pki
from kube import get, kubectl, wait_for_condition
from place import HERE, HOME, IMAGES, LOGS, PACKAGED, RUN, STATE, Failed, run, say, wait_for
from processes import names, start, stop

KUBECONFIG = f"--kubeconfig={pki.KUBECONFIG}"
ETCD = "http://127.0.0.1:2379"
NAME = "node1"
# kubelet sets these for the whole machine.
KERNEL = ("vm/overcommit_memory", "kernel/panic", "kernel/panic_on_oops",
          "kernel/keys/root_maxbytes", "kernel/keys/root_maxkeys")
SAVED = RUN / "kernel.json"
KUBELET_FOLDER = Path("/var/lib/kubelet")
FILLED_IN = {"HOME": str(HOME), "PAUSE": images.PAUSE, "NODE": network.NODE,
             "PODS": network.PODS, "CLUSTER": network.CLUSTER}
# Upstream's periods fit clusters that live for years. These let a test see what they do.
AUTOSCALER = ("--horizontal-pod-autoscaler-sync-period=5s",
              "--horizontal-pod-autoscaler-initial-readiness-delay=5s",
              "--horizontal-pod-autoscaler-cpu-initialization-period=15s")


def check_machine():
    if os.geteuid() != 0:
        raise Failed("a node needs root: network namespaces, cgroups, mounts")
    if names():
        raise Failed(f"a cluster is there already, or was not taken down: {HERE}/cluster.py down")
    cgroups = list(Path("/sys/fs/cgroup").glob("**/kubepods"))
    if cgroups or (KUBELET_FOLDER / "config.yaml").exists():
        raise Failed("this machine is a node of another cluster; one at a time")


def configure():
    for folder in (RUN, LOGS, STATE, HOME / "etcd", HOME / "conf/cni"):
        folder.mkdir(parents=True, exist_ok=True)
    for source in (HERE / "conf").glob("**/*.*"):
        text = source.read_text()
        for name, value in FILLED_IN.items():
            text = text.replace(f"@{name}@", value)
        (HOME / "conf" / source.relative_to(HERE / "conf")).write_text(text)
    SAVED.write_text(json.dumps({name: (Path("/proc/sys") / name).read_text()
                                 for name in KERNEL}))


def start_store():
    start("etcd", "etcd", "--data-dir", HOME / "etcd", "--listen-client-urls", ETCD,
          "--advertise-client-urls", ETCD, "--listen-peer-urls", "http://127.0.0.1:2380",
          "--unsafe-no-fsync", "--log-level", "warn", env=PACKAGED)
    start("containerd", "containerd", "-c", HOME / "conf/containerd.toml", env=PACKAGED)


def start_apiserver():
    at = pki.PKI
    start("kube-apiserver", "kube-apiserver",
          f"--etcd-servers={ETCD}", f"--advertise-address={network.NODE}", "--secure-port=6443",
          f"--service-cluster-ip-range={network.SERVICES}", "--authorization-mode=Node,RBAC",
          "--allow-privileged=true", f"--client-ca-file={at}/ca.crt",
          f"--tls-cert-file={at}/apiserver.crt", f"--tls-private-key-file={at}/apiserver.key",
          f"--kubelet-client-certificate={at}/admin.crt", f"--kubelet-client-key={at}/admin.key",
          f"--kubelet-certificate-authority={at}/ca.crt",
          "--kubelet-preferred-address-types=InternalIP",
          "--service-account-issuer=https://kubernetes.default.svc",
          f"--service-account-key-file={at}/sa.key",
          f"--service-account-signing-key-file={at}/sa.key",
          f"--requestheader-client-ca-file={at}/ca.crt",
          "--requestheader-allowed-names=front-proxy",
          "--requestheader-username-headers=X-Remote-User",
          "--requestheader-group-headers=X-Remote-Group",
          "--requestheader-extra-headers-prefix=X-Remote-Extra-",
          f"--proxy-client-cert-file={at}/front-proxy.crt",
          f"--proxy-client-key-file={at}/front-proxy.key", "--profiling=false", env=PACKAGED)
    wait_for("the API server", lambda: kubectl("get", "--raw", "/readyz",
                                               check=False).returncode == 0)


def start_controllers():
    start("kube-controller-manager", "kube-controller-manager", KUBECONFIG,
          "--bind-address=127.0.0.1", "--leader-elect=false",
          "--use-service-account-credentials=true",
          f"--service-account-private-key-file={pki.PKI}/sa.key",
          f"--root-ca-file={pki.PKI}/ca.crt", f"--cluster-cidr={network.CLUSTER}",
          "--allocate-node-cidrs=false", *AUTOSCALER, env=PACKAGED)
    start("kube-scheduler", "kube-scheduler", KUBECONFIG, "--bind-address=127.0.0.1",
          "--leader-elect=false", env=PACKAGED)


def start_node():
    wait_for("containerd", lambda: containers.ctr("version", check=False).returncode == 0)
    for program in images.NAMES:
        containers.import_image(IMAGES / f"{program}.tar")
    # Without --containerd, its cAdvisor does not know which container a cgroup belongs to.
    start("kubelet", "kubelet", KUBECONFIG, f"--config={HOME}/conf/kubelet.yaml",
          f"--root-dir={STATE}/kubelet", f"--containerd={containers.SOCKET}",
          f"--hostname-override={NAME}", f"--node-ip={network.NODE}",
          f"--cert-dir={RUN}/kubelet-certs", env=PACKAGED)
    start("kube-proxy", "kube-proxy", f"--config={HOME}/conf/kube-proxy.yaml", env=PACKAGED)
    wait_for_condition("Ready", "node", NAME)
    wait_for("the service account of default",
             lambda: get("serviceaccount", "default", "default"))


def up():
    """A node that is Ready. The calling thread is in its network from then on."""
    check_machine()
    forget()
    configure()
    pki.make()
    network.up()
    start_store()
    start_apiserver()
    start_controllers()
    start_node()
    say("node ready")


def stop_containers():
    """The containers that were there."""
    if not containers.SOCKET.exists():
        return []
    try:
        found = containers.identities()
        containers.remove_all()
        return found
    except Failed:
        return []  # containerd has ended before


def unmount():
    """Mounts of pods and of containerd, the innermost first."""
    places = [line.split()[1] for line in Path("/proc/mounts").read_text().splitlines()]
    for place in sorted(places, reverse=True):
        if place.startswith((f"{STATE}/", f"{RUN}/")):
            run("umount", "-l", place, check=False)


def remove_cgroups():
    for top in Path("/sys/fs/cgroup").glob("**/kubepods"):
        for folder, _, _ in os.walk(top, topdown=False):
            try:
                os.rmdir(folder)
            except OSError:
                pass


def restore_kernel():
    for name, value in json.loads(SAVED.read_text()).items() if SAVED.exists() else ():
        (Path("/proc/sys") / name).write_text(value)


def remove_strays(found):
    """What lies outside of HOME. `found`: the containers of this node."""
    for container in found:
        containers.shim_socket(container).unlink(missing_ok=True)
        for result in Path("/var/lib/cni/results").glob(f"*-{container}-*"):
            result.unlink()
    for link in Path("/var/log/containers").glob("*.log"):
        if link.is_symlink() and os.readlink(link).startswith(str(HOME)):
            link.unlink()
    for folder in (KUBELET_FOLDER / "device-plugins", KUBELET_FOLDER / "pod-resources"):
        if not (KUBELET_FOLDER / "config.yaml").exists():
            shutil.rmtree(folder, ignore_errors=True)
    for empty in ("/var/log/containers", "/var/lib/cni/results", "/var/lib/cni",
                  KUBELET_FOLDER, "/run/containerd/runc/k8s.io", "/run/containerd/runc",
                  "/run/containerd/s", "/run/containerd"):
        try:
            os.rmdir(empty)
        except OSError:
            pass  # another one uses it, or it is gone


def forget():
    """The data of an earlier cluster. Programs, packages and images stay."""
    for folder in (STATE, HOME / "etcd", RUN, LOGS, HOME / "conf", pki.PKI):
        shutil.rmtree(folder, ignore_errors=True)


def down():
    """Ends everything that `up` and the parts above it started. Logs stay until the next `up`."""
    stop(*(name for name in names() if name not in ("etcd", "containerd")))
    stop("etcd")
    found = stop_containers()
    stop("containerd")
    unmount()
    network.down()
    remove_cgroups()
    restore_kernel()
    remove_strays(found)
    shutil.rmtree(RUN, ignore_errors=True)
    say("cluster is down")

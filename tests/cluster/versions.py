"""The versions of everything that the cluster test builds. Debian's are those of its release."""

KUBERNETES = "1.34.4"  # the last minor whose kubelet starts on cgroup v1 as well as on v2
METRICS_SERVER = "0.9.0"
KUBE_STATE_METRICS = "2.15.0"  # the newest that the module proxy serves
ARGOCD = "3.2.11"  # 3.2.12 and 3.3 need a replaced module that no proxy serves
KUSTOMIZE = "5.7.0"  # the one of this Argo CD, whose repo-server calls it
PROMETHEUS_OPERATOR = "0.85.0"
PROMETHEUS = "3.13.0"
PROMETHEUS_MODULE = "0.313.0"  # how the Go module numbers Prometheus 3.13.0
ALERTMANAGER = "0.28.1"  # as monitoring/alertmanager/operator.yaml says

DEBIAN_PACKAGES = (
    "containerd", "runc", "containernetworking-plugins",
    "iptables", "libip4tc2", "libip6tc2", "libxtables12",
    "nftables", "libnftables1", "libnftnl11", "libnfnetlink0", "libnetfilter-conntrack3",
    "libjansson4", "libseccomp2",
    "redis-server", "redis-tools", "libjemalloc2", "liblzf1",
)

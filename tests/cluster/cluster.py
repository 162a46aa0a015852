#!/usr/bin/env python3
"""A real node of Kubernetes on this machine, by hand.

usage: cluster.py build                  what it is made of, into the user's cache
       cluster.py up                     node, metrics-server, Argo CD, Prometheus and its sources
       cluster.py down                   ends all of it, also what a failed run has left
       cluster.py kubectl ARGUMENTS ...  kubectl, inside of the cluster's network
       cluster.py run COMMAND ...        any program, inside of the cluster's network
"""

import os
import sys

import alertmanager
import argocd
import broker
import debian
import golang
import images
import kube_state_metrics
import metrics_server
import network
import node
import prometheus
from kube import ENVIRONMENT
from place import Failed


def build():
    debian.unpack()
    golang.build_all()
    images.build_all()
    broker.fetch()


def up():
    build()
    node.up()
    metrics_server.up()
    argocd.up()
    prometheus.up()
    kube_state_metrics.up()
    alertmanager.up()


def execute(*command):
    network.enter()
    os.execvpe(command[0], command, ENVIRONMENT)


def main(arguments):
    commands = {"build": build, "up": up, "down": node.down, "run": execute,
                "kubectl": lambda *rest: execute("kubectl", *rest)}
    if not arguments or arguments[0] not in commands:
        print(__doc__.strip(), file=sys.stderr)
        return 2
    try:
        commands[arguments[0]](*arguments[1:])
    except Failed as failure:
        print(failure, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

"""Brokers and MLflow of a rehearsal, known to the cluster's own list of processes: when the
rehearsal is killed, `cluster.py down` ends them."""

import kafka
import processes
from mlflow_server import MlflowServer


class Brokers(kafka.Cluster):
    """One that is killed on purpose is none that has fallen."""

    @staticmethod
    def name(number):
        return f"rehearsal-kafka-{number}"

    def wait_until_ready(self):
        """Comes after each start, of all or of one."""
        for node in self.nodes:
            processes.adopt(self.name(node.number), node.process)
        super().wait_until_ready()

    def kill(self, number):
        processes.forget(self.name(number))
        super().kill(number)

    def stop(self):
        for node in self.nodes:
            processes.forget(self.name(node.number))
        super().stop()


class Registry(MlflowServer):
    """MLflow and the processes that it makes: a session of their own."""

    NAME = "rehearsal-mlflow"

    def start(self):
        super().start()
        processes.adopt(self.NAME, self.process, group=True)
        return self

    def stop(self):
        processes.forget(self.NAME)
        super().stop()

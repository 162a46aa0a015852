"""What an alert must do: the cases of every alert, and how promtool is asked about one."""

from dataclasses import dataclass, field

from alert_rules import ALERTS, rendered

FIRES = "fires at the threshold"
BELOW = "quiet just below"
RESTART = "restart of the service"
MISSING = "missing series"
ZERO = "0/0"
RESOLVES = "resolves"
OTHERS = "others are left alone"
KINDS = (FIRES, BELOW, RESTART, MISSING, ZERO, RESOLVES)

CASES = []


@dataclass
class Case:
    alert: str
    kind: str
    series: dict                                # series -> values, in promtool's notation
    quiet: tuple = ()                           # steps
    fires: dict = field(default_factory=dict)   # step -> [(summary, labels), ...]
    step: int = 1                               # minutes between two values, and two looks

    @property
    def name(self):
        return f"{self.alert}: {self.kind}"

    def test(self):
        """For promtool."""
        questions = [self.asked(step, []) for step in self.quiet]
        questions += [self.asked(step, alerts) for step, alerts in self.fires.items()]
        assert questions, self.name
        return series_test(self.series, self.step, alert_rule_test=questions)

    def asked(self, step, alerts):
        return {"eval_time": f"{step * self.step}m", "alertname": self.alert,
                "exp_alerts": [self.expected(*one) for one in alerts]}

    def expected(self, summary, labels):
        rule = ALERTS[self.alert]
        annotations = {name: rendered(" ".join(text.split()), labels)
                       for name, text in rule["annotations"].items()}
        return {"exp_labels": {**rule["labels"], **labels},
                "exp_annotations": {**annotations, "summary": summary}}


def series_test(series, step, **questions):
    return {"interval": f"{step}m", **questions,
            "input_series": [{"series": name, "values": values}
                             for name, values in series.items()]}


def case(*arguments, **options):
    CASES.append(Case(*arguments, **options))

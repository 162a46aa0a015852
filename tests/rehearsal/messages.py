"""Messages of Alertmanager as people get them: by mail and by webhook, and when they came."""

import time
from dataclasses import dataclass, replace

import service
from mail_server import body

MAIL, WEBHOOK = "mail", "webhook"


@dataclass(frozen=True)
class Message:
    """One that is waited for: who gets it, of which alert, and in which state the alert is."""

    receiver: str
    address: str
    alert: str
    severity: str
    status: str = "firing"

    @property
    def subject(self):
        state = self.severity if self.status == "firing" else self.status
        return f"[{state.upper()}] {self.alert}, {service.NAMESPACE}"

    @property
    def first(self):
        """That the alert fires: what comes before it tells of an earlier time."""
        return replace(self, status="firing")


class Inbox:
    """What came since it was made; `look` often, for the time of an arrival is that of a look. That
    an alert is over counts once it has come that it fires."""

    def __init__(self, receivers, wanted):
        self.receivers = receivers
        assert all(message.first in wanted for message in wanted)
        self.before = {(message, way): len(self._all(message, way))
                       for message in wanted for way in (MAIL, WEBHOOK)}
        self.arrived = {}  # (message, way) -> time.time()

    def _all(self, message, way):
        if way == MAIL:
            return self.receivers.mail.to(message.address, message.subject)
        return self.receivers.webhook.of(message.receiver, message.alert, message.status,
                                         service.NAMESPACE)

    def look(self):
        # What is resolved first: one that comes with the message that its alert fires is older.
        for key in sorted(self.before, key=lambda key: key[0].first == key[0]):
            n, (message, way) = len(self._all(*key)), key
            if message != message.first and (message.first, way) not in self.arrived:
                self.before[key] = n
            elif n > self.before[key]:
                self.arrived.setdefault(key, time.time())

    def has(self, *messages):
        """Whether each has come in both ways."""
        return all((message, way) in self.arrived for message in messages
                   for way in (MAIL, WEBHOOK))

    def text(self, message, way):
        """What the first one says of its alert; nothing while it has not come."""
        come = self._all(message, way)[self.before[message, way]:]
        if not come:
            return ""
        if way == MAIL:
            return body(come[0])
        return " ".join(alert["annotations"]["summary"] for alert in come[0]["alerts"])

"""Who gets Alertmanager's messages: a mail server, a webhook and Telegram of a test's own."""

from contextlib import ExitStack

from certificate import make_certificate
from mail_server import PASSWORD, MailServer
from webhook import Telegram, Webhook

SECRETS = "/etc/alertmanager/secrets/rowan"


class Receivers:
    """Mail, webhook and Telegram of a test's own, which run as long as it does."""

    def __init__(self, folder, host="127.0.0.1"):
        self.host = host
        self.certificate = make_certificate(folder, host)
        self.mail = MailServer(self.certificate, host)
        self.webhook = Webhook(self.certificate, host)
        self.telegram = Telegram(self.certificate, host)
        self.secrets = folder / "secrets"
        self.secrets.mkdir(mode=0o700)
        # write_text and no echo: 0.25 sends a newline with the password.
        for name, secret in {"smtp-password": PASSWORD, "telegram-token": Telegram.TOKEN,
                             "webhook-token": Webhook.TOKEN}.items():
            (self.secrets / name).write_text(secret)

    def __enter__(self):
        with ExitStack() as stack:
            for server in (self.mail, self.webhook, self.telegram):
                stack.enter_context(server)
            self.running = stack.pop_all()
        return self

    def __exit__(self, *_):
        self.running.close()

    def table(self):
        """What README.md tells a user to replace."""
        return {"smtp.example.com:587": f"{self.host}:{self.mail.port}",
                "https://alerts.example.com/rowan": self.webhook.url + "/rowan",
                "https://api.telegram.org": self.telegram.url,
                SECRETS: str(self.secrets)}


def replaced(text, table):
    for old, new in table.items():
        assert old in text, f"{old} is not in the configuration"
        text = text.replace(old, new)
    return text

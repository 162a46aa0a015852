"""A real SMTP server: STARTTLS and a login, without which it takes nothing."""

import logging
import ssl
from email import message_from_bytes, policy

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult

from server import free_port

# aiosmtpd 1.4 warns of its own attribute at each login.
logging.getLogger("mail.log").addFilter(lambda record: "login_data" not in record.getMessage())

USER, PASSWORD = "alertmanager@example.com", "correct horse"


class MailServer:
    """As a context manager it runs, and ends. May be entered again, on the same port."""

    def __init__(self, certificate, host="127.0.0.1"):
        self.certificate = certificate
        self.host = host
        self.port = free_port()
        self.received = []  # (addressee, message), in their order
        self.refused_logins = []

    def __enter__(self):
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(*self.certificate)
        return self.listen(tls_context=context, require_starttls=True)

    def enter_in_clear(self):
        """As a server that knows no STARTTLS."""
        return self.listen(auth_require_tls=False)

    def listen(self, **options):
        # The words in which aiosmtpd asks for LOGIN are not those that Alertmanager waits for.
        self.controller = Controller(
            self, hostname=self.host, port=self.port, auth_required=True,
            authenticator=self.authenticate, auth_exclude_mechanism=["LOGIN"], **options)
        self.controller.start()
        return self

    def __exit__(self, *_):
        self.controller.stop()

    def authenticate(self, server, session, envelope, mechanism, login):
        right = (login.login.decode(), login.password.decode()) == (USER, PASSWORD)
        if not right:
            self.refused_logins.append(login.password.decode())
        return AuthResult(success=right, handled=False)

    async def handle_DATA(self, server, session, envelope):
        assert session.ssl and session.authenticated
        message = message_from_bytes(envelope.content, policy=policy.default)
        self.received += [(addressee, message) for addressee in envelope.rcpt_tos]
        return "250 OK"

    def to(self, addressee, subject=None):
        """What came for one addressee, with this subject."""
        return [message for to, message in list(self.received)
                if to == addressee and subject in (None, message["Subject"])]


def body(message, kind="plain"):
    return message.get_body((kind,)).get_content().replace("\r\n", "\n")

"""HTTPS servers for what Alertmanager sends: a webhook, and Telegram's sendMessage. Telegram's own
server cannot run here; the second one holds what arrives against what its documentation says."""

import json
import re
import ssl
import threading
from html import unescape
from html.parser import HTMLParser
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from server import free_port


class HttpsServer:
    """As a context manager it runs, and ends; may be entered again, on the same port. `answer`
    gets path, headers and the JSON of the body, and returns a status and an object."""

    def __init__(self, certificate, host="127.0.0.1"):
        self.certificate = certificate
        self.host = host
        self.port = free_port()
        self.url = f"https://{host}:{self.port}"

    def __enter__(self):
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                content = self.rfile.read(int(self.headers["Content-Length"]))
                status, reply = outer.answer(self.path, self.headers, json.loads(content))
                content = json.dumps(reply).encode()
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            def log_message(self, *_):
                pass

        self.server = ThreadingHTTPServer((self.host, self.port), Handler)
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(*self.certificate)
        self.server.socket = context.wrap_socket(self.server.socket, server_side=True)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.server.server_close()


class Webhook(HttpsServer):
    TOKEN = "webhook-token-of-this-test"

    def __init__(self, certificate, host="127.0.0.1"):
        super().__init__(certificate, host)
        self.received = []
        self.refused = 0

    def answer(self, path, headers, message):
        if (path, headers["Authorization"]) != ("/rowan", f"Bearer {self.TOKEN}"):
            self.refused += 1
            return 401, {}
        self.received.append(message)
        return 200, {}

    def of(self, receiver, alertname, status, namespace):
        """Messages of one receiver about one group."""
        return [message for message in list(self.received)
                if (message["receiver"], message["status"]) == (receiver, status)
                and message["groupLabels"] == {"alertname": alertname, "namespace": namespace}]


# ---- Telegram ----------------------------------------------------------------------------

# https://core.telegram.org/bots/api#html-style; of attributes only href is used here.
TAGS = {"b", "strong", "i", "em", "u", "ins", "s", "strike", "del", "a", "code", "pre",
        "tg-spoiler", "blockquote"}
ENTITY = re.compile(r"&(?:lt|gt|amp|quot|#[0-9]+|#x[0-9a-fA-F]+);")
TAG = re.compile(r'<(?:a href="[^"<>]*"|/?[a-z-]+)>')
LONGEST = 4096


class Styled(HTMLParser):
    """Text of Telegram's HTML: `visible`, `links`, and what is `wrong` with it."""

    def __init__(self, text):
        super().__init__(convert_charrefs=False)
        self.links, self.wrong, self.open = [], [], []
        bare = ENTITY.sub("", TAG.sub("", text))
        self.wrong += [f"a bare {one}" for one in "<>&" if one in bare]
        self.visible = unescape(TAG.sub("", text))
        self.feed(text)
        self.close()
        self.wrong += [f"<{tag}> does not end" for tag in self.open]

    def handle_starttag(self, tag, attributes):
        if tag not in TAGS:
            self.wrong.append(f"<{tag}>")
        self.open.append(tag)
        self.links += [value for name, value in attributes if name == "href"]

    def handle_endtag(self, tag):
        if not self.open or self.open.pop() != tag:
            self.wrong.append(f"</{tag}>")


class Telegram(HttpsServer):
    TOKEN = "123456789:token_of-this-test"
    CHAT = -1001234567890

    def __init__(self, certificate, host="127.0.0.1"):
        super().__init__(certificate, host)
        self.received = []  # Styled
        self.refused = []  # what was wrong, and with what
        self.raw = []

    def complaints(self, path, message):
        if path != f"/bot{self.TOKEN}/sendMessage":
            yield f"path {path}"
        if str(message.get("chat_id")) != str(self.CHAT):
            yield f"chat_id {message.get('chat_id')}"
        if message.get("parse_mode") != "HTML":
            yield f"parse_mode {message.get('parse_mode')}"
        styled = Styled(message.get("text", ""))
        yield from styled.wrong
        if not 1 <= len(styled.visible) <= LONGEST:
            yield f"{len(styled.visible)} characters"

    def answer(self, path, headers, message):
        self.raw.append(message)
        wrong = list(self.complaints(path, message))
        if wrong:
            self.refused.append((wrong, message))
            return 400, {"ok": False, "error_code": 400, "description": f"Bad Request: {wrong}"}
        self.received.append(Styled(message["text"]))
        return 200, {"ok": True, "result": {
            "message_id": len(self.received), "date": 1, "text": message["text"],
            "chat": {"id": self.CHAT, "type": "supergroup", "title": "administrators"}}}

    def saying(self, beginning):
        return [styled for styled in list(self.received) if styled.visible.startswith(beginning)]

"""One authority for everything, and one administrator for every component of the node."""

import base64

from network import API_SERVICE, NODE
from place import HOME, run

PKI = HOME / "pki"
KUBECONFIG = PKI / "admin.kubeconfig"
DAYS = "365"
SUBJECTS = {  # name -> subject, and what the certificate stands for
    "apiserver": ("/CN=kube-apiserver",
                  f"IP:127.0.0.1,IP:{NODE},IP:{API_SERVICE},DNS:localhost,DNS:kubernetes,"
                  "DNS:kubernetes.default,DNS:kubernetes.default.svc"),
    "kubelet": ("/CN=kubelet", f"IP:{NODE},IP:127.0.0.1,DNS:node1"),
    "admin": ("/O=system:masters/CN=admin", None),
    "front-proxy": ("/CN=front-proxy", None),
}


def key(name):
    run("openssl", "ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", f"{name}.key",
        cwd=PKI)


def certificate(name, subject, alternatives):
    key(name)
    run("openssl", "req", "-new", "-key", f"{name}.key", "-subj", subject, "-out", f"{name}.csr",
        cwd=PKI)
    extensions = "extendedKeyUsage=serverAuth,clientAuth\n"
    if alternatives:
        extensions += f"subjectAltName={alternatives}\n"
    (PKI / f"{name}.ext").write_text(extensions)
    run("openssl", "x509", "-req", "-in", f"{name}.csr", "-CA", "ca.crt", "-CAkey", "ca.key",
        "-CAcreateserial", "-days", DAYS, "-out", f"{name}.crt", "-extfile", f"{name}.ext", cwd=PKI)


def encoded(name):
    return base64.b64encode((PKI / name).read_bytes()).decode()


def make():
    if KUBECONFIG.exists():
        return
    PKI.mkdir(parents=True, exist_ok=True, mode=0o700)
    key("ca")
    run("openssl", "req", "-x509", "-new", "-key", "ca.key", "-subj", "/CN=rowan-cluster",
        "-days", DAYS, "-out", "ca.crt", cwd=PKI)
    run("openssl", "genrsa", "-out", "sa.key", "2048", cwd=PKI)
    for name, (subject, alternatives) in SUBJECTS.items():
        certificate(name, subject, alternatives)
    KUBECONFIG.write_text(f"""apiVersion: v1
kind: Config
current-context: rowan
contexts: [{{name: rowan, context: {{cluster: rowan, user: admin}}}}]
clusters:
- name: rowan
  cluster: {{server: "https://127.0.0.1:6443", certificate-authority-data: {encoded("ca.crt")}}}
users:
- name: admin
  user: {{client-certificate-data: {encoded("admin.crt")}, client-key-data: {encoded("admin.key")}}}
""")

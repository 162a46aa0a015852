"""A certificate of a test's own."""

import subprocess


def make_certificate(folder, host="127.0.0.1"):
    """(certificate, key) in a folder, self-signed, for one address."""
    files = folder / "certificate.pem", folder / "key.pem"
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
                    "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2", "-subj", "/CN=rowan",
                    "-addext", f"subjectAltName=IP:{host}", "-out", files[0], "-keyout",
                    files[1]], check=True, stderr=subprocess.DEVNULL)
    return files

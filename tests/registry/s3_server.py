"""A real S3 server, seaweedfs, that checks signatures."""

import json
import re
import subprocess
from urllib.parse import quote

from real_server import RealServer, free_ports, tools

KEY, SECRET, REGION = "rowan-key", "rowan-secret", "us-east-1"


class S3Server(RealServer):
    """`url` is the endpoint, `client_environment` what boto3, MLflow and rowan-sync need to know."""

    def __init__(self, folder):
        super().__init__(folder)
        (self.port, s3_grpc, master, master_grpc, volume, volume_grpc, filer,
         filer_grpc) = free_ports(8)
        self.url = self.ready_url = f"http://127.0.0.1:{self.port}"
        identities = self.folder / "identities.json"
        identities.write_text(json.dumps({"identities": [{
            "name": "rowan", "credentials": [{"accessKey": KEY, "secretKey": SECRET}],
            "actions": ["Admin", "Read", "Write", "List", "Tagging"]}]}))
        data = self.folder / "data"
        data.mkdir(exist_ok=True)
        self.command = [
            tools() / "weed", "server", "-ip=127.0.0.1", "-ip.bind=127.0.0.1", f"-dir={data}",
            "-s3", f"-s3.port={self.port}", f"-s3.port.grpc={s3_grpc}", "-s3.port.iceberg=0",
            "-s3.port.lance=0", f"-s3.config={identities}", "-master.volumeSizeLimitMB=64",
            "-volume.max=8", f"-master.port={master}", f"-master.port.grpc={master_grpc}",
            f"-volume.port={volume}", f"-volume.port.grpc={volume_grpc}", f"-filer.port={filer}",
            f"-filer.port.grpc={filer_grpc}"]
        self.environment = {}
        self.client_environment = {
            "AWS_ACCESS_KEY_ID": KEY, "AWS_SECRET_ACCESS_KEY": SECRET,
            "AWS_DEFAULT_REGION": REGION, "MLFLOW_S3_ENDPOINT_URL": self.url,
            "AWS_ENDPOINT_URL": self.url}

    def request(self, method, path, body=b""):
        """A signed request by curl, such as PUT /bucket/key; the body of the reply."""
        process = subprocess.run(
            ["curl", "--silent", "--show-error", "--fail-with-body", "--request", method,
             "--aws-sigv4", f"aws:amz:{REGION}:s3", "--user", f"{KEY}:{SECRET}",
             *(["--data-binary", "@-", "--header", "Content-Type: application/octet-stream"]
               if body else []), self.url + path], input=body, capture_output=True)
        assert process.returncode == 0, (method, path, process.stdout, process.stderr)
        return process.stdout

    def make_bucket(self, name):
        self.request("PUT", f"/{name}")
        return name

    def list(self, bucket, prefix=""):
        """Names of objects."""
        # Curl signs the query as it stands: in the order and the spelling that S3 asks for.
        listing = self.request("GET", f"/{bucket}?list-type=2&prefix={quote(prefix, safe='')}")
        return re.findall("<Key>(.*?)</Key>", listing.decode())

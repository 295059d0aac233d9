"""A throw-away certificate authority, made with openssl, with the file names that libnbd and nbdkit expect in a folder."""

import pathlib
import subprocess

SERVER_EXTENSIONS = "subjectAltName=DNS:localhost,IP:127.0.0.1\nextendedKeyUsage=serverAuth\nbasicConstraints=CA:FALSE\n"
CLIENT_EXTENSIONS = "extendedKeyUsage=clientAuth\nbasicConstraints=CA:FALSE\n"


def openssl(*words):
    subprocess.run(["openssl", *map(str, words)], check=True, capture_output=True)


class Authority:
    """`folder` holds ca-cert.pem, server-cert.pem, server-key.pem, client-cert.pem and client-key.pem."""

    def __init__(self, folder: pathlib.Path):
        folder.mkdir()
        self.folder = folder
        key, certificate = folder / "ca-key.pem", folder / "ca-cert.pem"
        curve = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
        subject = ["-subj", "/CN=Test authority"]
        constraints = ["-addext", "basicConstraints=critical,CA:TRUE", "-addext", "keyUsage=critical,keyCertSign"]
        openssl("req", "-x509", *curve, "-keyout", key, "-out", certificate, "-days", "2", *subject, *constraints)
        self.issue("server", "localhost", SERVER_EXTENSIONS)
        self.issue("client", "client", CLIENT_EXTENSIONS)

    def issue(self, role, common_name, extensions):
        key, request = self.folder / f"{role}-key.pem", self.folder / f"{role}.csr"
        extension_file = self.folder / f"{role}.ext"
        extension_file.write_text(extensions)
        curve = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
        openssl("req", "-new", *curve, "-keyout", key, "-out", request, "-subj", f"/CN={common_name}")
        signer = ["-CA", self.folder / "ca-cert.pem", "-CAkey", self.folder / "ca-key.pem", "-CAcreateserial"]
        certificate = self.folder / f"{role}-cert.pem"
        openssl("x509", "-req", "-in", request, *signer, "-out", certificate, "-days", "2", "-extfile", extension_file)

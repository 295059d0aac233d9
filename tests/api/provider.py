"""An OpenID provider as a process of its own: discovery, keys, authorization codes with PKCE, ID tokens with RS256 and ES256.

usage: provider.py PORT CERTIFICATE KEY FOLDER

It is as strict as providers are: a request that lacks something is answered with 400. `POST /control` changes how it behaves, and
`GET /control` tells what it was asked. Keys are made and used by the `openssl` program.
"""

import base64
import hashlib
import http.server
import json
import pathlib
import ssl
import subprocess
import sys
import threading
import time
import urllib.parse

CLIENT, SECRET = "holdfast", "a client's secret"
SLOW_SECONDS = 25
HUGE_BYTES = 256 << 20


def encoded(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def openssl(*words, data=None):
    return subprocess.run(["openssl", *map(str, words)], input=data, check=True, capture_output=True).stdout


class Key:
    """A key that signs."""

    def __init__(self, folder, algorithm, name):
        self.algorithm, self.name = algorithm, name
        self.file = folder / f"{name}.pem"
        kind = ["RSA", "-pkeyopt", "rsa_keygen_bits:2048"] if algorithm == "RS256" else ["EC", "-pkeyopt", "ec_paramgen_curve:P-256"]
        openssl("genpkey", "-algorithm", *kind, "-out", self.file)

    def public(self):
        """The public half as a JSON Web Key."""
        named = {"kid": self.name, "use": "sig", "alg": self.algorithm}
        if self.algorithm == "RS256":
            modulus = openssl("rsa", "-in", self.file, "-noout", "-modulus").decode().strip().partition("=")[2]
            return named | {"kty": "RSA", "n": encoded(bytes.fromhex(modulus)), "e": "AQAB"}
        point = openssl("pkey", "-in", self.file, "-pubout", "-outform", "DER")[-64:]
        return named | {"kty": "EC", "crv": "P-256", "x": encoded(point[:32]), "y": encoded(point[32:])}

    def sign(self, data):
        signature = openssl("dgst", "-sha256", "-sign", self.file, data=data)
        return signature if self.algorithm == "RS256" else fixed(signature)

    def token(self, claims):
        """A JSON Web Token."""
        header = {"alg": self.algorithm, "kid": self.name, "typ": "JWT"}
        signed = ".".join(encoded(json.dumps(part).encode()) for part in (header, claims))
        return f"{signed}.{encoded(self.sign(signed.encode()))}"


def fixed(signature):
    """An ECDSA signature of DER as JSON Web Tokens have it: two numbers of 32 bytes."""
    numbers, at = [], 2
    for _ in range(2):
        length = signature[at + 1]
        numbers.append(int.from_bytes(signature[at + 2 : at + 2 + length], "big").to_bytes(32, "big"))
        at += 2 + length
    return b"".join(numbers)


class Server(http.server.ThreadingHTTPServer):
    """A thread for each connection."""

    daemon_threads = True
    request_queue_size = 64

    def handle_error(self, _request, _address):
        """Clients hang up on much of what is sent here: that is what the tests are about."""


class State:
    """How the provider behaves, and what it was asked."""

    def __init__(self, issuer, folder):
        self.issuer, self.folder = issuer, folder
        self.keys, self.codes, self.asked = {}, {}, []
        self.signs = None
        # By path: `slow`, `drips`, `rubbish`, `huge`, `broken`, `elsewhere`.
        self.modes = {}
        # What tokens say instead of the truth.
        self.claims = {}
        self.person = {"sub": "1", "preferred_username": "ann", "name": "Ann", "groups": ["staff"]}
        self.published = []

    def control(self, wanted):
        """Changes what is named. A key that isn't known yet is made: `[name, algorithm]`."""
        for name, algorithm in wanted.pop("make", []):
            self.keys[name] = Key(self.folder, algorithm, name)
        for name, value in wanted.items():
            setattr(self, name, value)
        return {"asked": self.asked}

    def id_token(self, given):
        now = int(time.time())
        claims = {"iss": self.issuer, "aud": CLIENT, "iat": now, "exp": now + 300, "nonce": given["nonce"]}
        return self.keys[self.signs].token(claims | self.person | self.claims)


class Handler(http.server.BaseHTTPRequestHandler):
    """Answers one request."""

    state = None
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def answer(self, status, body, **headers):
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.send_response(status)
        for name, value in ({"Content-Type": "application/json", "Content-Length": len(data)} | headers).items():
            self.send_header(name.replace("_", "-"), str(value))
        self.end_headers()
        self.wfile.write(data)

    def refuse(self, error, why):
        self.answer(400, {"error": error, "error_description": why})

    def do_GET(self):
        path, _, query = self.path.partition("?")
        self.dispatch(path, dict(urllib.parse.parse_qsl(query)))

    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        if self.path == "/control":
            return self.answer(200, self.state.control(json.loads(body or b"{}")))
        self.dispatch(self.path, dict(urllib.parse.parse_qsl(body.decode())))

    def dispatch(self, path, given):
        state = self.state
        if path == "/control":
            return self.answer(200, {"asked": state.asked})
        state.asked.append(path)
        if mode := state.modes.get(path):
            return self.misbehave(mode)
        routes = {
            "/.well-known/openid-configuration": self.discovery,
            "/authorize": self.authorize,
            "/token": self.token,
            "/keys": lambda _: self.answer(200, {"keys": [state.keys[name].public() for name in state.published]}),
        }
        routes.get(path, lambda _: self.answer(404, {"error": "not_found"}))(given)

    def misbehave(self, mode):
        """Answers what no provider should."""
        if mode == "slow":
            time.sleep(SLOW_SECONDS)
        elif mode == "rubbish":
            return self.answer(200, b"<html>\xff\x00 not JSON", Content_Type="text/html")
        elif mode == "broken":
            return self.answer(503, b"down for maintenance")
        elif mode == "elsewhere":
            return self.answer(302, b"", Location="http://127.0.0.1:9/")
        piece, pause = (b" " * 65536, 0) if mode == "huge" else (b" ", 1)
        try:
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(HUGE_BYTES))
            self.end_headers()
            for _ in range(HUGE_BYTES // len(piece)):
                self.wfile.write(piece)
                time.sleep(pause)
        except OSError:
            self.close_connection = True

    def discovery(self, _):
        issuer = self.state.issuer
        self.answer(200, {
            "issuer": issuer, "authorization_endpoint": f"{issuer}/authorize", "token_endpoint": f"{issuer}/token",
            "jwks_uri": f"{issuer}/keys", "response_types_supported": ["code"], "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": ["RS256", "ES256"], "code_challenge_methods_supported": ["S256"],
        })

    def authorize(self, given):
        """Where browsers come: nobody is asked for a password, the person of the state is let in."""
        expected = {"response_type": "code", "client_id": CLIENT, "code_challenge_method": "S256"}
        wrong = [name for name, value in expected.items() if given.get(name) != value]
        wrong += [name for name in ("nonce", "state", "code_challenge", "redirect_uri") if len(given.get(name, "")) < 20]
        if wrong or "openid" not in given.get("scope", "").split():
            return self.refuse("invalid_request", ", ".join(wrong))
        code = encoded(hashlib.sha256(f"{time.time_ns()}".encode()).digest())
        self.state.codes[code] = given
        query = urllib.parse.urlencode({"code": code, "state": given["state"]})
        self.answer(302, b"", Location=f"{given['redirect_uri']}?{query}")

    def token(self, given):
        """A code is good once, for who began and knows the client's secret."""
        began = self.state.codes.pop(given.get("code"), None)
        if began is None or given.get("grant_type") != "authorization_code":
            return self.refuse("invalid_grant", "no such code")
        if (given.get("client_id"), given.get("client_secret")) != (CLIENT, SECRET):
            return self.answer(401, {"error": "invalid_client"})
        challenge = encoded(hashlib.sha256(given.get("code_verifier", "").encode()).digest())
        if challenge != began["code_challenge"] or given.get("redirect_uri") != began["redirect_uri"]:
            return self.refuse("invalid_grant", "another one began")
        tokens = {"access_token": "x", "token_type": "Bearer", "id_token": self.state.id_token(began)}
        self.answer(200, tokens, Cache_Control="no-store")


def main():
    port, certificate, key, folder = int(sys.argv[1]), *sys.argv[2:]
    server = Server(("127.0.0.1", port), Handler)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    # Each connection shakes hands on its own thread: one that doesn't holds up no other.
    server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    Handler.state = State(f"https://localhost:{port}", pathlib.Path(folder))
    # Whoever started it has gone once its input ends.
    threading.Thread(target=lambda: (sys.stdin.read(), server.shutdown()), daemon=True).start()
    server.serve_forever()


if __name__ == "__main__":
    main()

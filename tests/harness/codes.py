"""One-time codes, as an authenticator app makes them (RFC 6238)."""

import base64
import hashlib
import hmac
import struct
import time


def totp(secret, when=None):
    """The code of RFC 6238 for a secret as pages show it."""
    padded = secret.replace(" ", "") + "=" * (-len(secret) % 8)
    step = int((time.time() if when is None else when) // 30)
    digest = hmac.new(base64.b32decode(padded), struct.pack(">Q", step), hashlib.sha1).digest()
    offset = digest[-1] & 15
    return f"{(struct.unpack('>I', digest[offset : offset + 4])[0] & 0x7FFFFFFF) % 1_000_000:06}"

"""Sealing: how a value is kept so that only a key opens it, and only where it belongs."""

import os

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from domain_model.errors import OperationFailed

KEY_BYTES = 32
_NONCE_BYTES = 12


def seal(key: bytes, value: bytes, about: bytes) -> bytes:
    """The value under AES-256-GCM, bound to what it is about."""
    nonce = os.urandom(_NONCE_BYTES)
    return nonce + AESGCM(key).encrypt(nonce, value, about)


def unseal(key: bytes, sealed: bytes, about: bytes) -> bytes:
    """What was sealed. Raises OperationFailed (9) under another key: what needs it fails, and is not tried for ever."""
    try:
        return AESGCM(key).decrypt(sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], about)
    except (InvalidTag, ValueError):
        raise OperationFailed(
            "a secret cannot be opened: the master key is not the one it was sealed with", field="master_key"
        ) from None

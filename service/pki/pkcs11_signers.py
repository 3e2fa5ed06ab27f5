"""An authority's key in a PKCS#11 token: a hardware module, or SoftHSM. Needs the extra [pkcs11]."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import NoReturn

import pkcs11
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed, encode_dss_signature
from pkcs11.types import PublicKey, SignMixin
from pkcs11.util.ec import encode_ec_public_key

from service.pki.signers import SIGNER_CURVES, Signer, SigningKeyUnusable


@contextmanager
def open_pkcs11_signer(module: str, token: str, label: str, pin: str) -> Iterator[Signer]:
    """The EC key pair `label` in the token `token` of a PKCS#11 module (a path), for as long as the session lasts.

    Raises SigningKeyUnusable. The session is for one thread at a time, and each signature waits for the token.
    """
    try:
        session = pkcs11.lib(module).get_token(token_label=token).open(user_pin=pin)
    except (pkcs11.PKCS11Error, RuntimeError) as error:
        raise SigningKeyUnusable(f"The PKCS#11 token cannot be opened: {type(error).__name__}.") from None
    with session:
        try:
            private = session.get_key(object_class=pkcs11.ObjectClass.PRIVATE_KEY, label=label)
            public = session.get_key(object_class=pkcs11.ObjectClass.PUBLIC_KEY, label=label)
        except pkcs11.PKCS11Error as error:
            raise SigningKeyUnusable(f"The PKCS#11 key {label!r} cannot be found: {type(error).__name__}.") from None
        if not isinstance(private, SignMixin) or not isinstance(public, PublicKey):
            raise SigningKeyUnusable(f"The PKCS#11 key {label!r} does not sign.")
        yield _TokenKey(private, _loaded(public, label))


def _loaded(public: PublicKey, label: str) -> ec.EllipticCurvePublicKey:
    try:
        loaded = serialization.load_der_public_key(encode_ec_public_key(public))
    except (pkcs11.PKCS11Error, ValueError, TypeError, KeyError):
        loaded = None
    if not isinstance(loaded, ec.EllipticCurvePublicKey) or loaded.curve.name not in SIGNER_CURVES:
        raise SigningKeyUnusable(f"The PKCS#11 key {label!r} is not an EC key on P-256 or P-384.")
    return loaded


def _digest(data: bytes | bytearray | memoryview, algorithm: Prehashed | hashes.HashAlgorithm) -> bytes:
    """Raises ValueError for what is said to be a digest and has not its length."""
    if isinstance(algorithm, Prehashed):
        if len(data) != algorithm.digest_size:
            raise ValueError(f"a digest has {algorithm.digest_size} octets, not {len(data)}")
        return bytes(data)
    digest = hashes.Hash(algorithm)
    digest.update(data)
    return digest.finalize()


class _TokenKey(ec.EllipticCurvePrivateKey):
    """A key that signs where it is. The digest is made here, for every token knows plain ECDSA."""

    def __init__(self, private: SignMixin, public: ec.EllipticCurvePublicKey) -> None:
        self._private = private
        self._public = public

    def public_key(self) -> ec.EllipticCurvePublicKey:
        return self._public

    @property
    def curve(self) -> ec.EllipticCurve:
        return self._public.curve

    @property
    def key_size(self) -> int:
        return self._public.key_size

    def sign(
        self, data: bytes | bytearray | memoryview, signature_algorithm: ec.EllipticCurveSignatureAlgorithm
    ) -> bytes:
        digest = _digest(data, signature_algorithm.algorithm)
        try:
            raw = self._private.sign(digest, mechanism=pkcs11.Mechanism.ECDSA)
        except pkcs11.PKCS11Error as error:
            raise SigningKeyUnusable(f"The PKCS#11 token did not sign: {type(error).__name__}.") from None
        half = len(raw) // 2
        return encode_dss_signature(int.from_bytes(raw[:half], "big"), int.from_bytes(raw[half:], "big"))

    def exchange(self, *_: object, **__: object) -> NoReturn:
        self._never()

    def private_numbers(self) -> NoReturn:
        self._never()

    def private_bytes(self, *_: object, **__: object) -> NoReturn:
        self._never()

    def __copy__(self) -> "_TokenKey":
        return self

    def __deepcopy__(self, memo: dict[int, object]) -> "_TokenKey":
        return self

    def _never(self) -> NoReturn:
        raise SigningKeyUnusable("A key in a token signs, and does nothing else.")

"""The two ways in which evidence fails: it is not what it claims to be in form, or the cryptography says no."""


class EvidenceError(Exception):
    """Nothing else leaves this package for bytes from outside. The text says what was wrong and repeats no content."""


class Malformed(EvidenceError):
    """The bytes do not have the form they should have; nothing was verified."""


class NotVerified(EvidenceError):
    """The form is right and the mathematics says no: a hash, a proof or a signature does not hold."""

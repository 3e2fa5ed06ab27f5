"""The one exception that leaves `service.pki` when certificates, requests, lists or keys are not right."""

import re
from collections.abc import Iterator
from contextlib import contextmanager

from service.refusals import Refusal, RefusalCode, Refused


class CertificateError(Refused):
    """A refusal with one reason. It is a `Refused`, so the GraphQL face shows it as it is; the message quotes no input.

    `path` is the input field it concerns, as far as the raiser knows it.
    """

    def __init__(self, reason: RefusalCode, *path: str, **values: object) -> None:
        refusal = Refusal(reason, path, values)
        super().__init__(refusal)
        self.reason = reason
        self.message = refusal.message
        self.article = refusal.article
        self.field = path

    def at(self, *path: str) -> "CertificateError":
        """The same refusal, of the input field `path`."""
        return CertificateError(self.reason, *path, **self.refusals[0].values)


@contextmanager
def refusing(reason: RefusalCode) -> Iterator[None]:
    """Whatever foreign bytes set off inside becomes CertificateError(reason).

    Parsers raise what they like on content that a stranger chose (ValueError, UnsupportedAlgorithm, DuplicateExtension,
    OverflowError, ...), and the list grows with their releases; here it ends.
    """
    try:
        yield
    except CertificateError:
        raise
    except Exception as error:
        raise CertificateError(reason, detail=_detail(error)) from None


def _detail(error: Exception) -> str:
    """What a parser said, without what it quoted: printable ASCII, short."""
    text = re.sub(r"""(['"`]).*?\1|[^ -~]""", "", str(error)[:1_000]).strip(" .")[:120]
    return text or type(error).__name__

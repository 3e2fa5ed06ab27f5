"""Programs that log in as an operator and ask a first question, each of which runs as it is printed."""

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from string import Template

from sandbox.tenants.records import Tenant
from service.access import OperatorRole
from service.operators import Operator
from service.tokens import TOKEN_PATH

_HERE = Path(__file__).parent
QUERY = "{ viewer { kind environment binding notice } operators(first: 3) { nodes { operatorNumber role status } } }"
"""Answers to whoever has logged in only; holds nothing that a shell or a string literal would have to escape."""

SHORT_NAMES = {
    OperatorRole.ADMINISTRATOR: "administrator",
    OperatorRole.OPERATOR: "clerk",
    OperatorRole.REVIEWER: "reviewer",
}


class Language(StrEnum):
    CURL = "CURL"
    PYTHON = "PYTHON"
    TYPESCRIPT = "TYPESCRIPT"
    JAVA = "JAVA"


@dataclass(frozen=True, slots=True)
class Snippet:
    """One program: save it as `file` beside the key and the certificate, then `run` it."""

    language: Language
    file: str
    run: str
    text: str


_PROGRAMS = {
    Language.CURL: ("curl.sh.tmpl", "first_query.sh", "bash"),
    Language.PYTHON: ("python.py.tmpl", "first_query.py", "python"),
    Language.TYPESCRIPT: ("typescript.mjs.tmpl", "first_query.mjs", "node"),
    Language.JAVA: ("java.java.tmpl", "FirstQuery.java", "java"),
}


class _Program(Template):
    """With a mark of its own: `$` means something to every shell, `{}` to every language."""

    delimiter = "@@"


def key_file(role: OperatorRole, profile: str) -> str:
    return f"{SHORT_NAMES[role]}-{profile.lower()}.key.pem"


def certificate_file(role: OperatorRole, profile: str) -> str:
    return f"{SHORT_NAMES[role]}-{profile.lower()}.crt.pem"


def render_snippets(public_url: str, tenant: Tenant, operator: Operator) -> tuple[Snippet, ...]:
    """The four programs for one operator, whose LOGIN key is on P-256."""
    values = {
        "operator": operator.id,
        "role": SHORT_NAMES[operator.role],
        "code": tenant.code,
        "key_file": key_file(operator.role, "LOGIN"),
        "certificate_file": certificate_file(operator.role, "LOGIN"),
        "token_url": public_url + TOKEN_PATH,
        "graphql_url": f"{public_url}/graphql",
        "query": QUERY,
    }
    return tuple(_rendered(language, values) for language in Language)


def _rendered(language: Language, values: dict[str, str]) -> Snippet:
    template, file, command = _PROGRAMS[language]
    return Snippet(language, file, f"{command} {file}", render(template, values | {"file": file}))


def render(template: str, values: dict[str, str]) -> str:
    """A program from its template in this folder."""
    return _Program((_HERE / template).read_text(encoding="utf-8")).substitute(values)

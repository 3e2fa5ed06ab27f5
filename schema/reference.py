"""docs/access.md, made from the policy, the catalogues and the schema, so that it cannot fall behind them."""

from pathlib import Path

from schema.build import public_schema
from schema.permissions import ACTIONS
from service.access import ROLE_CEILINGS, SERVICES, OperatorRole, Permission
from service.missing_permissions import service_of
from service.policy import policy_table

ACCESS_PAGE = Path(__file__).parent.parent / "docs" / "access.md"

_INTRODUCTION = """# Who may do what

Made by `python -m schema.reference` from `service/policy.py`, `service/access.py` and the schema; a test compares.

A call is allowed by three answers, each of which must be yes. *May such a caller do this at all?* The first table says
so, and an attempt beyond it is recorded (art. 9). *Whose is it?* An operator's world is its own participant: an id of
another's answers exactly as an id of nothing. *Does the rule agree?* A rule that says no answers with a refusal.

A permission reaches an operator in two steps: the depository grants a service to the participant (art. 2, 9), and the
participant's administrator gives the operator some of the permissions that the service brings, within its role
(art. 11). Registrars, the depository's staff, hold no permissions and are judged by role. Below the root of a query,
what the policy does not allow is null.

Where the table asks for two persons, the first call proposes and the second confirms. The second person is independent
of the first: not registered by it, and no key of the one may be in the other's hand, which is so where the one had a
part in the other's certificate (or in one that it renews), or a third operator in both. An administrator is therefore
registered in another role and appointed by two persons: another administrator confirms, or an officer of the depository
where there is none. A certificate that the depository's counter asked for leaves its holder independent.

Callers who have not logged in get the published agreement, `platform` and `viewer`.
"""


def access_page() -> str:
    """The page as Markdown."""
    sections = {
        "Acts": policy_table(),
        "Where each act is asked for": _fields_table(),
        "Permissions": _permissions_table(),
    }
    return _INTRODUCTION + "".join(f"\n## {title}\n\n{table}" for title, table in sections.items())


def _fields_table() -> str:
    schema = public_schema()._schema  # noqa: SLF001 - graphql-core's schema, as in schema.build
    lines = ["| field | acts |", "|---|---|"]
    for root in filter(None, (schema.query_type, schema.mutation_type, schema.subscription_type)):
        for name, field in root.fields.items():
            actions = field.extensions["strawberry-definition"].metadata.get(ACTIONS, ())
            lines.append(f"| {root.name}.{name} | {', '.join(actions) or 'open to all'} |")
    return "\n".join(lines) + "\n"


def _permissions_table() -> str:
    lines = ["| permission | service | it presupposes | roles |", "|---|---|---|---|"]
    for permission in Permission:
        service = service_of(permission)
        roles = ", ".join(role for role in OperatorRole if permission in ROLE_CEILINGS[role])
        qualification = SERVICES[service].qualification
        lines.append(f"| {permission} | {service} | {qualification or ''} | {roles} |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    ACCESS_PAGE.parent.mkdir(exist_ok=True)
    ACCESS_PAGE.write_text(access_page(), encoding="utf-8")

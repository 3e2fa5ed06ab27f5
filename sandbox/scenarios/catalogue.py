"""The scenarios: outcomes that a test asks for by a header, as data.

None is a canned text. Most are a way of seeing: a copy of what is stored, revoked or suspended or newer than it is, on
which the rules say no as they do in production. Nothing of a copy is kept.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from enum import StrEnum
from types import MappingProxyType
from typing import Any

from service.certificates import CertificateState
from service.consents import Consent, ConsentStatus, newest
from service.logins import Holder
from service.operators import OperatorStatus
from service.participants import ParticipantStatus
from service.sight import AS_IT_IS, Sight
from service.storage.agreements import AgreementHead

SLOW_SECONDS = 3.0
_NEVER, _FAR = datetime(1, 1, 1, tzinfo=UTC), datetime(9999, 1, 1, tzinfo=UTC)


class Place(StrEnum):
    """Where a scenario shows. Elsewhere it changes nothing."""

    GRAPHQL = "GRAPHQL"  # /graphql: HTTP, event streams, WebSocket
    TOKEN = "TOKEN"  # noqa: S105 - /oauth/token
    OCSP = "OCSP"  # /pki/ocsp
    WEBHOOKS = "WEBHOOKS"  # what is delivered of the events that the request brings about


class Turn(StrEnum):
    """What befalls a request before anything is done about it."""

    RATE_LIMITED = "rate_limited"
    UNAVAILABLE = "unavailable"
    TRY_LATER = "ocsp_try_later"


class Arrival(StrEnum):
    """What befalls the events that a request brings about."""

    TWICE = "TWICE"
    LATE = "LATE"


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """One outcome on demand. `answer` is what a client sees: a code, or in words; `article` is what asks for it."""

    name: str
    shows: str
    shows_zh: str
    places: tuple[Place, ...]
    answer: str
    article: int | None = None
    sight: Sight = AS_IT_IS
    turn: Turn | None = None
    wait: float = 0.0  # seconds
    arrival: Arrival | None = None


def _certificate(**changes: Any) -> Sight:
    return Sight(holder=lambda holder: replace(holder, certificate=replace(holder.certificate, **changes)))


def _participant(**changes: Any) -> Sight:
    def seen(holder: Holder) -> Holder:
        return replace(holder, participant=replace(holder.participant, **changes)) if holder.participant else holder

    return Sight(holder=seen)


def _operator(**changes: Any) -> Sight:
    def seen(holder: Holder) -> Holder:
        return replace(holder, operator=replace(holder.operator, **changes)) if holder.operator else holder

    return Sight(holder=seen)


def _expired(holder: Holder) -> Holder:
    return replace(holder, certificate=replace(holder.certificate, not_before=_NEVER, not_after=_NEVER))


def _ended(holder: Holder) -> Holder:
    if holder.registrar is not None:
        return replace(holder, registrar=replace(holder.registrar, sessions_end_at=_FAR))
    return _operator(sessions_end_at=_FAR).holder(holder)


def _superseded(heads: Sequence[AgreementHead]) -> Sequence[AgreementHead]:
    """With one version more than there is."""
    return [*heads, replace(heads[-1], number=heads[-1].number + 1)] if heads else heads


def _rejected(consents: Sequence[Consent], participant_id: str) -> Sequence[Consent]:
    """With the newest revision rejected, or one that there is not where none was delivered."""
    last = newest(consents)
    if last is not None:
        return [replace(each, status=ConsentStatus.REJECTED) if each is last else each for each in consents]
    made_up = Consent(
        id="",
        version=1,
        participant_id=participant_id,
        agreement_number=2,
        content_hash="",
        effective_from=date(1, 1, 1),
        status=ConsentStatus.REJECTED,
        delivered_at=_NEVER,
        delivery_record="",
    )
    return [made_up]


_LOGIN = (Place.GRAPHQL, Place.TOKEN)
_ALL: tuple[Scenario, ...] = (
    Scenario(
        name="certificate-revoked",
        shows="The caller's certificate is revoked: no login, and the token it has opens nothing.",
        shows_zh="调用者的证书已被吊销：不能登录，已有令牌失效。",
        places=_LOGIN,
        answer="UNAUTHENTICATED",
        article=13,
        sight=_certificate(state=CertificateState.REVOKED),
    ),
    Scenario(
        name="certificate-held",
        shows="The caller's certificate is held, as after a lost key: it may be released again.",
        shows_zh="调用者的证书已被冻结（如遗失密钥后）：可以解冻。",
        places=_LOGIN,
        answer="UNAUTHENTICATED",
        article=13,
        sight=_certificate(state=CertificateState.HELD),
    ),
    Scenario(
        name="certificate-expired",
        shows="The caller's certificate is past its end: it was not renewed in time.",
        shows_zh="调用者的证书已过有效期：未及时换发。",
        places=_LOGIN,
        answer="UNAUTHENTICATED",
        article=14,
        sight=Sight(holder=_expired),
    ),
    Scenario(
        name="operator-frozen",
        shows="The operator is frozen by its administrator.",
        shows_zh="操作员已被本机构管理员冻结。",
        places=_LOGIN,
        answer="UNAUTHENTICATED",
        article=11,
        sight=_operator(status=OperatorStatus.FROZEN),
    ),
    Scenario(
        name="operator-offboarded",
        shows="The operator has left: everything it held has ended.",
        shows_zh="操作员已离职：其全部权限已终止。",
        places=_LOGIN,
        answer="UNAUTHENTICATED",
        article=11,
        sight=_operator(status=OperatorStatus.OFFBOARDED),
    ),
    Scenario(
        name="session-ended",
        shows="The token is from before the sessions ended: log in again, which succeeds.",
        shows_zh="会话已终止：重新登录即可。",
        places=(Place.GRAPHQL,),
        answer="UNAUTHENTICATED",
        article=11,
        sight=Sight(holder=_ended),
    ),
    Scenario(
        name="participant-suspended",
        shows="The participant is suspended by the depository.",
        shows_zh="用户已被登记结算机构暂停使用。",
        places=_LOGIN,
        answer="UNAUTHENTICATED",
        article=19,
        sight=_participant(status=ParticipantStatus.SUSPENDED),
    ),
    Scenario(
        name="participant-terminated",
        shows="The participant's access is terminated by the depository.",
        shows_zh="用户已被登记结算机构终止使用。",
        places=_LOGIN,
        answer="UNAUTHENTICATED",
        article=19,
        sight=_participant(status=ParticipantStatus.TERMINATED),
    ),
    Scenario(
        name="permission-missing",
        shows="The operator holds no permission at all; what the depository's staff may do follows from their role.",
        shows_zh="操作员没有任何权限；登记结算机构人员的权限由其角色决定。",
        places=(Place.GRAPHQL,),
        answer="FORBIDDEN",
        article=11,
        sight=_operator(permissions=()),
    ),
    Scenario(
        name="agreement-stale",
        shows="A newer version of the agreement was published: the one before is answered no more.",
        shows_zh="已发布更新的协议版本：不再接受对旧版本的同意或不同意。",
        places=(Place.GRAPHQL,),
        answer="AGREEMENT_NOT_NEWEST",
        article=25,
        sight=Sight(heads=_superseded),
    ),
    Scenario(
        name="agreement-rejected",
        shows="The participant has rejected the newest agreement: its operators change nothing any more.",
        shows_zh="用户不同意最新协议：其操作员不得再办理业务。",
        places=(Place.GRAPHQL,),
        answer="AGREEMENT_REJECTED",
        article=25,
        sight=Sight(consents=_rejected),
    ),
    Scenario(
        name="conflict",
        shows="Somebody else was faster: for mutations with an expectedVersion.",
        shows_zh="他人已先行修改：适用于带有 expectedVersion 的变更。",
        places=(Place.GRAPHQL,),
        answer="VERSION_CONFLICT",
        sight=Sight(version=lambda found: found + 1),
    ),
    Scenario(
        name="rate-limited",
        shows="The caller has asked too often: 429, with the time to wait in Retry-After.",
        shows_zh="请求过于频繁：返回 429，Retry-After 给出等待时间。",
        places=_LOGIN,
        answer="RATE_LIMITED",
        turn=Turn.RATE_LIMITED,
    ),
    Scenario(
        name="unavailable",
        shows="The database does not answer: 503, to be tried again.",
        shows_zh="数据库暂无响应：返回 503，请稍后重试。",
        places=_LOGIN,
        answer="SERVICE_UNAVAILABLE",
        turn=Turn.UNAVAILABLE,
    ),
    Scenario(
        name="slow",
        shows=f"The answer takes {SLOW_SECONDS:g} seconds more.",
        shows_zh=f"应答延迟 {SLOW_SECONDS:g} 秒。",
        places=_LOGIN,
        answer="the usual one, late",
        wait=SLOW_SECONDS,
    ),
    Scenario(
        name="duplicate-delivery",
        shows="The events that this request brings about reach webhooks twice, under the same id.",
        shows_zh="本次请求产生的事件将以相同标识重复推送两次。",
        places=(Place.WEBHOOKS,),
        answer="the usual one",
        arrival=Arrival.TWICE,
    ),
    Scenario(
        name="late-delivery",
        shows="The events that this request brings about reach webhooks late, after younger ones.",
        shows_zh="本次请求产生的事件将延迟推送，晚于其后的事件。",
        places=(Place.WEBHOOKS,),
        answer="the usual one",
        arrival=Arrival.LATE,
    ),
    Scenario(
        name="ocsp-try-later",
        shows="The OCSP responder says tryLater: decide as your policy has it for a status that is unknown.",
        shows_zh="OCSP 响应为 tryLater：请按状态未知的策略处理。",
        places=(Place.OCSP,),
        answer="tryLater",
        article=13,
        turn=Turn.TRY_LATER,
    ),
)

SCENARIOS: Mapping[str, Scenario] = MappingProxyType({each.name: each for each in _ALL})

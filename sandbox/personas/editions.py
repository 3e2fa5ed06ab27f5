"""The agreement's editions in a sandbox: a former one, so that somebody can be behind, and the newest (art. 25)."""

import asyncio
import re
from datetime import date
from pathlib import Path

from sandbox.world import SANDBOX
from service.access import SYSTEM
from service.agreement_digest import read_digest
from service.agreement_text import content_hash, parse_agreement
from service.agreements import Agreement
from service.bootstrap import Services
from service.extracted_text import MAX_BYTES
from service.settings_reading import SettingsError, variable

FORMER_FROM, NEWEST_FROM = date(2019, 1, 1), date(2020, 1, 1)
"""Long before any sandbox: the newest edition is in force on every day that is tried."""
_ARTICLE = re.compile(r"^(第十四条\s+).+$", re.MULTILINE)
_FORMER_ARTICLE = r"\1（沙盒编造的旧版）甲方留意证书何时失效即可。"


class Editions:
    """Publishes what is not there yet. What is published cannot be changed, so another text is the next version."""

    def __init__(self, services: Services, file: Path | None) -> None:
        self._services = services
        self._file = file

    async def ensure_former(self) -> bool:
        """Of a sandbox that has none: the digest, but for one article. Answers whether it was published just now."""
        if await self._newest() is not None:
            return False
        await self._services.agreements.import_draft(
            SYSTEM, former_edition(read_digest().chinese_data), number=1, effective_from=FORMER_FROM, is_digest=True
        )
        await self._services.publications.publish(SYSTEM, 1)
        return True

    async def ensure_newest(self) -> None:
        """The text of the file, if one is given; else the digest follows the former edition. Delivered to whoever is
        open. Raises SettingsError for a file that cannot be read."""
        newest = await self._newest()
        number = newest.number + 1 if newest else 1
        agreements = self._services.agreements
        if self._file is not None:
            data = await asyncio.to_thread(_read, self._file)
            if newest is not None and newest.content_hash == content_hash(parse_agreement(data)):
                return
            await agreements.import_draft(SYSTEM, data, number=number, effective_from=NEWEST_FROM)
        elif newest is None or newest.effective_from < NEWEST_FROM:
            digest = read_digest()
            await agreements.import_draft(
                SYSTEM,
                digest.chinese_data,
                number=number,
                effective_from=NEWEST_FROM,
                english=digest.english_data,
                is_digest=True,
            )
        else:
            return
        await self._services.publications.publish(SYSTEM, number)
        await self._services.publications.deliver()

    async def _newest(self) -> Agreement | None:
        agreements = self._services.agreements
        versions = await agreements.get_many(SYSTEM, await agreements.numbers(SYSTEM))
        published = (each for each in versions if each and each.published_at)
        return max(published, key=lambda each: each.number, default=None)


def former_edition(data: bytes) -> bytes:
    """The digest with another wording of article 14. Raises ValueError where there is no such article."""
    text, changed = _ARTICLE.subn(_FORMER_ARTICLE, data.decode())
    if changed != 1:
        raise ValueError("The digest has no article 14 to differ in.")
    return text.encode()


def _read(file: Path) -> bytes:
    try:
        with file.open("rb") as stream:
            return stream.read(MAX_BYTES + 1)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "not a path"
        name = variable(SANDBOX, "agreement")
        raise SettingsError((f"{name} cannot be read ({reason}): name the agreement's text, in UTF-8.",)) from None

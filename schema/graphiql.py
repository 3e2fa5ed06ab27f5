"""GraphiQL, served whole by this service: no other host is asked for anything. It says which world it is in."""

import html
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import orjson

from service.world import World

TEMPLATE = Path(__file__).with_name("static") / "graphiql.html"


@dataclass(frozen=True, slots=True)
class Example:
    """A query that stands ready in a tab of its own."""

    title: str
    query: str
    variables: str = ""


EXAMPLES = (
    Example(
        "Which world is this?",
        """# Which world is this, and who am I?
query World {
  viewer { environment binding notice kind }
}
""",
    ),
    Example(
        "The platform",
        """# What the platform is, of what it is made, and whose it is (art. 1, 2, 5)
query Platform {
  platform { name nameZh components owner version environment binding }
}
""",
    ),
    Example(
        "The agreement",
        """# The version in force today, article by article, and what the service refuses in each one's name
query Agreement {
  agreement {
    number title status isDigest effectiveFrom contentHash
    chapters { number title articles { number text english enforcedBy } }
  }
}
""",
    ),
    Example(
        "Search",
        """# Where the agreement speaks of something: offsets count the characters of the text of that language
query Search($text: String!) {
  agreement { search(text: $text) { score language snippet spans { start end } article { number } } }
}
""",
        '{"text": "测试数据"}',
    ),
    Example(
        "Who works here",
        """# The operators of one's own participant (needs a token), and what each could do without (art. 11)
query Operators {
  operators(first: 10, filter: { status: ACTIVE }) {
    totalCount
    nodes { operatorNumber name role permissions leastPrivilege(days: 90) { unused } }
    pageInfo { hasNextPage endCursor }
  }
}
""",
    ),
    Example(
        "What was done",
        """# The records, the latest first: who did what, the hash of the signed bytes, the proof from the log
query Records {
  records(first: 5) { nodes { at kind actor { kind id } hash receipt proof { index size } } }
}
""",
    ),
)

# The page may load from this service alone. GraphiQL's editor writes style attributes, hence 'unsafe-inline'.
POLICY = (
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self' 'unsafe-inline'",
    "img-src 'self' data:",
    "font-src 'self' data:",
    "connect-src 'self'",
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
)
PAGE_HEADERS: tuple[tuple[bytes, bytes], ...] = (
    (b"content-security-policy", "; ".join(POLICY).encode()),
    (b"cache-control", b"no-store"),
    (b"vary", b"Accept"),
)

# What the banner says of each world, by whether it binds: data of the page, in both languages.
BANNERS = {
    True: ("生产环境：具有约束力", "PRODUCTION: what is done here binds", "binding"),
    False: ("测试环境：不具有约束力", "SANDBOX: nothing done here binds anybody", "unbinding"),
}


def render_page(world: World, *, examples: Sequence[Example] | None = None, personas_url: str | None = None) -> bytes:
    """The page for a browser. With `personas_url` it offers to log in as one of those found there."""
    zh, en, kind = BANNERS[world.binding]
    config = {
        "examples": [asdict(example) for example in (EXAMPLES if examples is None else examples)],
        "personasUrl": personas_url,
        "world": world.name,
    }
    values = {
        "kind": kind,
        "zh": zh,
        "en": en,
        "notice": world.notice or "",
        "environment": world.environment.value,
        "config": orjson.dumps(config).decode(),
    }
    page = TEMPLATE.read_text(encoding="utf-8")
    for name, value in values.items():
        page = page.replace("{{" + name + "}}", html.escape(value))
    return page.encode()

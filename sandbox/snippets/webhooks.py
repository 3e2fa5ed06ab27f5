"""Programs that receive a webhook and verify it, each of which runs as it is printed."""

from urllib.parse import urlsplit

from sandbox.snippets import Language, Snippet, render

DEFAULT_PORT = 8765
_PROGRAMS = {
    Language.PYTHON: ("webhook.py.tmpl", "py", "python"),
    Language.TYPESCRIPT: ("webhook.mjs.tmpl", "mjs", "node"),
}


def secret_file(webhook_id: str) -> str:
    """Each webhook's own: a secret is shown once, and must not make way for another's."""
    return f"webhook-secret-{webhook_id}.txt"


def render_webhook_snippets(webhook_id: str, url: str) -> tuple[Snippet, ...]:
    """A small server each, with the webhook's secret: at its port on this machine, else at DEFAULT_PORT."""
    parts = urlsplit(url)
    local = parts.scheme == "http" and parts.hostname in {"127.0.0.1", "localhost", "::1"}
    values = {"port": str(parts.port or 80) if local else str(DEFAULT_PORT), "secret_file": secret_file(webhook_id)}
    return tuple(_rendered(language, webhook_id, values) for language in _PROGRAMS)


def _rendered(language: Language, webhook_id: str, values: dict[str, str]) -> Snippet:
    template, suffix, command = _PROGRAMS[language]
    file = f"receive-webhooks-{webhook_id}.{suffix}"  # as the secret's: a program reads the secret of its own webhook
    return Snippet(language, file, f"{command} {file}", render(template, values | {"file": file}))

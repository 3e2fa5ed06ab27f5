"""Programs that receive a webhook and verify it, each of which runs as it is printed."""

from urllib.parse import urlsplit

from sandbox.snippets import Language, Snippet, render

DEFAULT_PORT = 8765
_PROGRAMS = {
    Language.PYTHON: ("webhook.py.tmpl", "receive_webhooks.py", "python"),
    Language.TYPESCRIPT: ("webhook.mjs.tmpl", "receive_webhooks.mjs", "node"),
}


def secret_file(webhook_id: str) -> str:
    """Each webhook's own: a secret is shown once, and must not make way for another's."""
    return f"webhook-secret-{webhook_id}.txt"


def render_webhook_snippets(webhook_id: str, url: str) -> tuple[Snippet, ...]:
    """A small server each, with the webhook's secret: at its port on this machine, else at DEFAULT_PORT."""
    parts = urlsplit(url)
    local = parts.scheme == "http" and parts.hostname in {"127.0.0.1", "localhost", "::1"}
    values = {"port": str(parts.port or 80) if local else str(DEFAULT_PORT), "secret_file": secret_file(webhook_id)}
    return tuple(
        Snippet(language, file, f"{command} {file}", render(template, values | {"file": file}))
        for language, (template, file, command) in _PROGRAMS.items()
    )

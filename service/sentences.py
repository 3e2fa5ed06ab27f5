"""What a command line says when something foreseeable goes wrong: one sentence to each problem, and never a traceback.

Exit status 2: the command or the settings are wrong; 1: the work could not be done; 0: done.
"""

from typing import Any

import click

from service.ceremony import AuthorityExists
from service.errors import ServiceError
from service.evidence.errors import EvidenceError
from service.refusals import Refused
from service.server import CannotListen
from service.settings_reading import SettingsError
from service.storage.errors import as_service_error


class SpeakingGroup(click.Group):
    """A group of commands whose foreseeable failures end in sentences on standard error."""

    foreseen: tuple[type[Exception], ...] = (CannotListen, AuthorityExists, EvidenceError)  # their text is the sentence

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except (click.exceptions.Exit, click.ClickException, click.Abort):
            raise
        except Exception as error:
            status, sentences = self._sentences(error)
            if status is None:
                raise
            for sentence in sentences:
                click.echo(sentence, err=True)
            ctx.exit(status)

    def _sentences(self, error: Exception) -> tuple[int | None, tuple[str, ...]]:
        if isinstance(error, SettingsError):
            return 2, error.problems
        if isinstance(error, Refused):
            return 1, tuple(f"{refusal.message} [{refusal.code.value}]" for refusal in error.refusals)
        if isinstance(error, self.foreseen):
            return 1, (str(error),)
        known = error if isinstance(error, ServiceError) else as_service_error(error)
        return (1, (known.message,)) if known is not None else (None, ())

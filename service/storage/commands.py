"""What the driver sends, measured: the name of each command, how it ended and how long it took. Never its content."""

from collections.abc import Callable

from pymongo.monitoring import CommandFailedEvent, CommandListener, CommandStartedEvent, CommandSucceededEvent

Observe = Callable[[str, str, float], None]


class CommandLatency(CommandListener):
    """Calls `observe(command, "ok" | "failed", seconds)` after each command; from the driver's own threads."""

    def __init__(self, observe: Observe) -> None:
        self._observe = observe

    def started(self, event: CommandStartedEvent) -> None:
        """Nothing: the content of a command is nobody's to see."""

    def succeeded(self, event: CommandSucceededEvent) -> None:
        self._observe(event.command_name, "ok", event.duration_micros / 1_000_000)

    def failed(self, event: CommandFailedEvent) -> None:
        self._observe(event.command_name, "failed", event.duration_micros / 1_000_000)

"""What a webhook's body says. The model below is the schema that is published; the bytes are canonical JSON (RFC 8785).

No personal data: a record's content holds none, and nothing else of the participant is in it.
"""

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

Text = str | None


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class Actor(_Part):
    kind: str = Field(description="OPERATOR, REGISTRAR, SYSTEM or ANONYMOUS.")
    id: Text = Field(description="Who acted.")
    participant: Text = Field(description="For whom.")


class Data(_Part):
    record: str = Field(description="The id of the record: ask for it over GraphQL, with its receipt and its proof.")
    sequence: int = Field(ge=0, description="Its place in the log. Events may come late or twice: order by this.")
    hash: str = Field(description="SHA-256 of the record.")
    participant: Text = Field(description="The participant it concerns; null where it concerns all.")
    subject: Text = Field(description="The id of what it is about.")
    actor: Actor
    content: dict[str, Any] | None = Field(
        description="What the record says of the act; null where it is too long for a webhook: read the record."
    )


class EventPayload(_Part):
    """One event, as it is sent to webhooks."""

    version: Literal[1] = 1
    id: str = Field(description="Also the header webhook-id. The same however often it is sent.")
    type: str = Field(description="The kind of the record.")
    at: str = Field(description="When, by the tenant's own time: RFC 3339, UTC.")
    environment: str
    binding: bool
    notice: Text
    fired: bool = Field(description="True where it was fired by hand: then nothing has happened.")
    data: Data

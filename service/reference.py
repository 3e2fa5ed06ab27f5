"""The Markdown table of every variable, made from the model itself, so that the README cannot fall behind."""

from typing import get_args

from pydantic.fields import FieldInfo

from service.settings import Settings
from service.settings_reading import is_secret, variable
from service.world import World


def reference(world: World, model: type[Settings] = Settings) -> str:
    """A Markdown table of every variable, for the README."""
    rows = ["| Variable | Default | Unit, range | What it does |", "| --- | --- | --- | --- |"]
    for field, info in model.model_fields.items():
        extra = info.json_schema_extra if isinstance(info.json_schema_extra, dict) else {}
        name = f"`{variable(world, field)}`" + (" (or `_FILE`)" if is_secret(info) else "")
        world_default = {"database": world.database, "evidence_database": world.evidence_database}.get(field)
        cells = (name, _default(info, world_default), _range(info, str(extra.get("unit", ""))), str(info.description))
        rows.append(f"| {' | '.join(cells)} |")
    return "\n".join(rows) + "\n"


def _default(info: FieldInfo, world_default: str | None) -> str:
    extra = info.json_schema_extra if isinstance(info.json_schema_extra, dict) else {}
    if world_default:
        return f"`{world_default}`"
    if extra.get("shown"):
        return str(extra["shown"])
    if info.is_required():
        return "required"
    if info.default in (None, ()):
        return "none"
    if isinstance(info.default, tuple):
        return f"`{','.join(map(str, info.default))}`"
    return f"`{str(info.default).lower() if isinstance(info.default, bool) else info.default}`"


def _range(info: FieldInfo, unit: str) -> str:
    choices = [f"`{each}`" for each in get_args(info.annotation) if isinstance(each, str)]
    bounds = {name: getattr(each, name) for each in info.metadata for name in ("ge", "le") if hasattr(each, name)}
    span = f"{bounds['ge']} to {bounds['le']}" if {"ge", "le"} <= bounds.keys() else ""
    return ", ".join(part for part in (unit, span, " ".join(choices)) if part) or "-"

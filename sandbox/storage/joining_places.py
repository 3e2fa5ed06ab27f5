"""Places kept for those who are joining, in one document: all who join at once meet in it, so that none slips by."""

from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime

from pymongo.errors import DuplicateKeyError

from service.storage.database import Database, Session
from service.storage.documents import Codec, Versioned, declare

ROOM = "room"


@dataclass(frozen=True, slots=True)
class Place:
    """Kept until it is taken or given up; after `until` whoever had it is taken for dead.

    `uscc` was made up for who joins here: by it one finds what was opened, if nobody came to take the place.
    """

    uscc: str
    address: str
    until: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Room:
    id: str
    version: int
    places: tuple[Place, ...] = ()


_CODEC = Codec(Room)
JOINING_PLACES = declare("sandbox_joining_places", _CODEC)

EnsureRoom = Callable[[tuple[Place, ...]], Awaitable[None]]


class JoiningPlaceStore(Versioned[Room]):
    def __init__(self, database: Database) -> None:
        super().__init__(database, JOINING_PLACES, _CODEC)

    async def keep(self, place: Place, now: datetime, ensure_room: EnsureRoom) -> None:
        """Keep the place, unless `ensure_room`, told of the places that others have, raises. The dead have none."""
        if await self.find(ROOM) is None:
            with suppress(DuplicateKeyError):  # somebody was faster
                await self.insert(None, Room(id=ROOM, version=1))

        async def work(session: Session) -> None:
            room = await self._room(session)
            await self.replace(session, replace(room, places=(*room.places, place)))  # first: this is where all meet
            await ensure_room(tuple(each for each in room.places if each.until > now))

        await self._database.transaction(work)

    async def give_up(self, place: Place, session: Session = None) -> None:
        """Also when it is taken: then in the transaction in which the tenant comes into being."""
        await self.collection.update_one(
            {"_id": ROOM}, {"$pull": {"places": {"uscc": place.uscc}}, "$inc": {"version": 1}}, session=session
        )

    async def left_by(self, now: datetime) -> list[Place]:
        """Those that were neither taken nor given up in time."""
        room = await self.find(ROOM)
        return [each for each in room.places if each.until <= now] if room else []

    async def _room(self, session: Session) -> Room:
        room = await self.find(ROOM, session)
        if room is None:
            raise LookupError("the room of those who join is gone")
        return room

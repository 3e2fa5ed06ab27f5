"""Small damage to DER, the same for the same seed."""

import random

from hypothesis import strategies as st

SEEDS = st.integers(min_value=0, max_value=2**32)
_MEANINGFUL = bytes.fromhex("0002030405060c17181e3031557f808182a0a3ff")


def mutated(seed: int, original: bytes) -> bytes:
    """One to eight changes: a bit flipped, octets cut out or doubled, or one that means something in DER put in."""
    chance = random.Random(seed)
    data = bytearray(original)
    for _ in range(chance.randint(1, 8)):
        place, length = chance.randrange(len(data)), chance.randint(1, 12)
        match chance.randrange(4):
            case 0:
                data[place] ^= 1 << chance.randrange(8)
            case 1 if len(data) > 40:
                del data[place : place + length]
            case 2:
                data[place:place] = data[place : place + length]
            case _:
                data[place] = chance.choice(_MEANINGFUL)
    return bytes(data)

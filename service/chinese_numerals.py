"""Chinese numerals as headings use them: 一 to 九百九十九."""

_DIGITS = "零一二三四五六七八九"
LARGEST = 999


def chinese_numeral(number: int) -> str:
    """The numeral of 1 to LARGEST: 10 is 十, 29 is 二十九, 101 is 一百零一, 110 is 一百一十."""
    if not 1 <= number <= LARGEST:
        raise ValueError(f"no numeral for {number}: 1 to {LARGEST}")
    hundreds, rest = divmod(number, 100)
    tens, ones = divmod(rest, 10)
    numeral = f"{_DIGITS[hundreds]}百" if hundreds else ""
    if tens:
        numeral += "十" if number < 20 else f"{_DIGITS[tens]}十"
    elif hundreds and ones:
        numeral += "零"
    return numeral + (_DIGITS[ones] if ones else "")


_NUMBERS = {chinese_numeral(number): number for number in range(1, LARGEST + 1)}


def find_number(numeral: str) -> int | None:
    """The number that a well-formed numeral stands for, with 〇 read as 零; None for anything else, such as 十十."""
    return _NUMBERS.get(numeral.replace("〇", "零"))

"""What the tests of bad input share: many cases from one seed, and ways to damage bytes."""

import pytest

from studies.errors import UserError


def amounts(quick, thousands):
    """A test with few cases that always runs, and with thousands that takes minutes."""
    slow = (pytest.mark.slow, pytest.mark.timeout(3000))
    return pytest.mark.parametrize("cases", [quick, pytest.param(thousands, marks=slow)])


def damaged(random, content):
    """Other bytes than these: shortened, with flipped bits, overwritten, or something else."""
    found = content
    while found == content:
        found = _damage(random, bytearray(content))
    return found


def _damage(random, content):
    at = random.randrange(len(content) + 1)
    kind = random.randrange(8)
    if kind == 0:
        return bytes(content[:at])
    if kind == 1:
        return bytes(content[at:])
    if kind == 2:
        return bytes(content[:at] + random.randbytes(random.randint(1, 64)) + content[at:])
    if kind == 3:
        length = random.randint(1, 512)
        content[at : at + length] = bytes(len(content[at : at + length]))
        return bytes(content)
    if kind == 4:
        return random.choice([b"", b"\0", b"PAR1", b"PAR1PAR1", b"hello", random.randbytes(100)])
    for _ in range(1 if kind < 7 else random.randint(2, 50)):  # mostly a single bit
        content[random.randrange(len(content))] ^= 1 << random.randrange(8)
    return bytes(content)


def refused(use, *given):
    """The line that answers what a user did wrong; None where nothing was."""
    try:
        use(*given)
    except UserError as error:
        said = str(error)
    else:
        return None
    assert said.isprintable()  # so without line breaks
    assert len(said) < 2000
    return said

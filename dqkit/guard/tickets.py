"""The key of a server, and tickets that are worth it once.

A ticket may stand in the address of a page, which ends up in a history; a key never does.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
import threading
import time
from functools import partial

from dqkit.checks import bounded_text, number, takes
from dqkit.checks.kinds import optional

TICKET_SECONDS = 600
LONGEST = 400
MOST_SECONDS = 1e12
_SEPARATOR = "."
_KEY = partial(bounded_text, most=LONGEST)
_MOMENT = partial(number, least=0, most=MOST_SECONDS)


def new_key() -> str:
    """A key that nobody guesses: 256 random bits.

    Returns
    -------
    str
        Letters, digits, "-" and "_".

    Examples
    --------
    >>> len(new_key())
    43
    """
    return secrets.token_urlsafe(32)


@takes(key=_KEY, now=optional(_MOMENT))
def new_ticket(key: str, *, now: float | None = None) -> str:
    """A ticket that opens the server of this key once, within ten minutes. The server need not be asked for it.

    Parameters
    ----------
    key : str
        See `new_key`.
    now : float, optional
        Seconds since 1970, instead of the clock's.

    Returns
    -------
    str
        Letters, digits, "-", "_" and ".", at most 200.

    Raises
    ------
    InputError
        Where the key is no text of 1 to 400 characters.

    Examples
    --------
    >>> Tickets("k").redeem(new_ticket("k"))
    True
    """
    until = int((time.time() if now is None else now) + TICKET_SECONDS)
    nonce = secrets.token_urlsafe(12)
    return _SEPARATOR.join((nonce, str(until), _signed(key, nonce, str(until))))


def derived(key: str, purpose: str) -> str:
    """Another secret, made from the key, from which nobody can tell the key.

    >>> derived("k", "cookie") == derived("k", "cookie") != derived("k", "other")
    True
    """
    return hmac.new(key.encode(), f"dqkit {purpose}".encode(), hashlib.sha256).hexdigest()


class Tickets:
    """What a server of this key remembers of the tickets that it has seen.

    Parameters
    ----------
    key : str
        See `new_key`.
    """

    @takes(key=_KEY)
    def __init__(self, key: str) -> None:
        self._key = key
        self._lock = threading.Lock()
        self._used: dict[str, int] = {}

    @takes(ticket=partial(bounded_text, most=LONGEST, least=0), now=optional(_MOMENT))
    def redeem(self, ticket: str, *, now: float | None = None) -> bool:
        """Whether the ticket is one of this key, in time and not used before; it is used from now on.

        Parameters
        ----------
        ticket : str
            What somebody brings.
        now : float, optional
            Seconds since 1970, instead of the clock's.

        Returns
        -------
        bool

        Raises
        ------
        InputError
            Where it is no text of up to 400 characters.
        """
        parts = ticket.split(_SEPARATOR)
        if len(parts) != 3 or not ticket.isascii():
            return False
        nonce, until, signature = parts
        moment = time.time() if now is None else now
        if not hmac.compare_digest(signature, _signed(self._key, nonce, until)) or int(until) < moment:
            return False
        with self._lock:
            self._used = {old: end for old, end in self._used.items() if end >= moment}
            if nonce in self._used:
                return False
            self._used[nonce] = int(until)
        return True


def _signed(key: str, nonce: str, until: str) -> str:
    return derived(key, f"ticket {nonce} {until}")

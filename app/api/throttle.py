"""How often somebody may try a password. No account is ever locked: waits end within a minute.

Everything is counted before the password is looked at, so that a hundred attempts at once are a
hundred, and counted alike whether the account exists, so that an answer tells nothing of that.

Three counts stand between a guesser and an account:

- of the address, whatever the accounts: so many a minute;
- of this account from this address: some are free, each further one doubles the wait;
- of this account from all addresses that never signed in to it: so many a minute. Somebody who
  guesses from many addresses uses these up, which delays the owner at a new address only.
"""

from app.api import callers
from app.api.limits import counters
from app.errors import TooManyRequests
from app.services import services

CODE = "too_many_attempts"
WINDOW_SECONDS = 60
# How long attempts on one account from one address are remembered, and the longest wait.
MEMORY_SECONDS = 15 * 60
LONGEST_WAIT_SECONDS = 60
# All strange addresses together may try this many times what one may.
STRANGERS = 5
DAY_SECONDS = 24 * 3600


def admit(account: str) -> None:
    """Count one attempt at a password.

    Args:
        account: the e-mail address as it was sent, or the user's id.

    Raises:
        TooManyRequests: `too_many_attempts`; do not look at the password.
    """
    settings = services().settings
    address, pair = _keys(account)
    _admit_address(address, settings.login_attempts_per_address)
    _admit_pair(pair, settings.login_attempts_per_account)
    if not counters().value(f"{pair}/known"):
        _admit_stranger(account, settings.login_attempts_per_account * STRANGERS)


def forgive(account: str) -> None:
    """The password was right: the count starts anew, and the address is known to the account."""
    _, pair = _keys(account)
    counters().clear(pair)
    counters().clear(f"{pair}/wait")
    # A counter's end is set when it is made: made anew, it is remembered from this sign-in on.
    counters().clear(f"{pair}/known")
    counters().count(f"{pair}/known", services().settings.refresh_token_days * DAY_SECONDS)


def _keys(account: str) -> tuple[str, str]:
    address = callers.address()
    pair = f"{_normal(account)} {address}"
    return f"sign-ins/address/{counters().hide(address)}", f"sign-ins/pair/{counters().hide(pair)}"


def _admit_address(key: str, limit: int) -> None:
    if counters().count(key, WINDOW_SECONDS) > limit:
        raise _too_many(key)


def _admit_pair(key: str, free: int) -> None:
    beyond = counters().count(key, MEMORY_SECONDS) - free
    if beyond <= 0:
        return
    # Who makes the counter opens the door and closes it behind: one attempt for each wait.
    wait = min(LONGEST_WAIT_SECONDS, 2 ** min(beyond - 1, 10))
    if counters().count(f"{key}/wait", wait) > 1:
        raise _too_many(f"{key}/wait")


def _admit_stranger(account: str, limit: int) -> None:
    key = f"sign-ins/account/{counters().hide(_normal(account))}"
    if counters().count(key, WINDOW_SECONDS) > limit:
        raise _too_many(key)


def _normal(account: str) -> str:
    """One form for all spellings that Postgres' `lower` takes for one, whatever its locale.

    Not coarser (`casefold`: ß is ss): a sign-in to one account must not forgive another's guesses.
    """
    lower = account.strip().lower()
    return lower.replace("i\u0307", "i").replace("ı", "i").replace("ς", "σ")


def _too_many(key: str) -> TooManyRequests:
    message = "Too many attempts. Wait as long as `Retry-After` says, then try again."
    return TooManyRequests(message, counters().seconds_left(key), code=CODE)

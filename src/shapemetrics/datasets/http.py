"""HTTP with patience: which failures are worth another try, and how long to wait before it."""

from __future__ import annotations

import random
from collections.abc import Callable
from contextlib import contextmanager
from dataclasses import dataclass

from shapemetrics.extras import needed_by

with needed_by(__name__):
    import requests
    from tenacity import RetryCallState, Retrying, retry_if_exception_type

#: Answers that a server may give now and not give later.
TRANSIENT_STATUS = frozenset({408, 425, 429, 500, 502, 503, 504})


class TransientError(OSError):
    """A failure that another try may mend; `wait` is what the server asked for, in seconds."""

    def __init__(self, message: str, wait: float | None = None) -> None:
        super().__init__(message)
        self.wait = wait


class MissingError(ValueError):
    """Something that was asked for is not there."""


@dataclass(frozen=True)
class Retry:
    """When to give up.

    Attributes
    ----------
    attempts : int
        Tries in a row that bring nothing; one that brought data starts the count anew.
    first_wait, longest_wait : float
        Seconds before the second try, doubled (with jitter) up to the longest.
    timeout : float
        Seconds without a byte after which a connection counts as hung.
    """

    attempts: int = 6
    first_wait: float = 1.0
    longest_wait: float = 60.0
    timeout: float = 60.0

    def calling(self, progressed: Callable[[], bool] = lambda: False) -> Retrying:
        """Call a function until it succeeds; `progressed`: the failed call brought data."""
        fruitless = 0

        def count(_: RetryCallState) -> None:
            nonlocal fruitless
            fruitless = 0 if progressed() else fruitless + 1

        def wait(state: RetryCallState) -> float:
            usual = self.first_wait * 2 ** max(fruitless - 1, 0) * random.uniform(1.0, 1.5)
            asked = getattr(state.outcome.exception(), "wait", None) or 0.0
            return min(max(usual, asked), self.longest_wait)

        return Retrying(
            retry=retry_if_exception_type(TransientError),
            after=count,
            stop=lambda _: fruitless >= self.attempts,
            wait=wait,
            reraise=True,
        )


@contextmanager
def translated(url: str):
    """Turn broken connections and time-outs into :class:`TransientError`."""
    try:
        yield
    except (
        requests.ConnectionError,
        requests.Timeout,
        requests.exceptions.ChunkedEncodingError,
        requests.exceptions.ContentDecodingError,
    ) as error:
        raise TransientError(f"{url}: {_short(error)}") from error
    except requests.RequestException as error:
        raise ValueError(f"{url}: {_short(error)}") from error


def check_status(response: requests.Response, url: str, expected: tuple[int, ...]) -> None:
    """Raise where a server did not answer as expected.

    Raises
    ------
    TransientError
        If another try may help.
    ValueError
        If it cannot (404, 403, ...).
    """
    if response.status_code in expected:
        return
    message = f"{url}: the server answered {response.status_code} {response.reason}"
    if response.status_code in TRANSIENT_STATUS:
        asked = response.headers.get("Retry-After", "")
        raise TransientError(message, float(asked) if asked.isdigit() else None)
    # A bucket that nobody may list answers 403 for what it does not have.
    raise (MissingError if response.status_code in (403, 404, 410) else ValueError)(message)


def content_range(response: requests.Response) -> tuple[int, int, int] | None:
    """First and last byte and total size of a partial answer; None where it says none of it."""
    text = response.headers.get("Content-Range", "")
    try:
        unit, _, rest = text.partition(" ")
        span, _, total = rest.partition("/")
        first, _, last = span.partition("-")
        return (int(first), int(last), int(total)) if unit == "bytes" else None
    except ValueError:
        return None


def validator(response: requests.Response) -> str | None:
    """What tells one version of a file from another: a strong ETag, or the date of change."""
    tag = response.headers.get("ETag")
    if tag and not tag.startswith("W/"):
        return tag
    return response.headers.get("Last-Modified")


def _short(error: BaseException) -> str:
    text = str(error).splitlines()[0] if str(error) else type(error).__name__
    return text if len(text) <= 200 else text[:200] + " ..."

"""The frame around every workflow script: a log, and one clear line when something is wrong."""

from __future__ import annotations

import errno
import logging
import os
import shutil
import sys
import time
import traceback
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from shapemetrics.arrays import RoundingWarning
from shapemetrics.files import DamagedFile
from shapemetrics.store.metadata import INDEX
from shapemetrics.study.origin import at_work

#: Mistakes in data or configuration, which their message explains; anything else is a bug.
EXPECTED = (ValueError, TypeError, OSError, MemoryError)


def remove_damaged(path: Path, results: str | os.PathLike) -> str:
    """Remove a damaged result, so that the next run makes it anew; say what was done.

    Parameters
    ----------
    path : pathlib.Path
        The damaged file.
    results : path-like
        The results folder; files elsewhere are the user's own and stay.

    Returns
    -------
    str
        For the message.

    Notes
    -----
    The workflow knows a store by its index alone: of a damaged array the index goes too.
    """
    path = Path(path)
    if not path.resolve().is_relative_to(Path(results).resolve()):
        return "it is no result of this study: replace it"
    path.unlink(missing_ok=True)
    (path.parent / INDEX).unlink(missing_ok=True)
    return "it was removed: run the same command again to make it anew"


def explained(error: BaseException, results: str | os.PathLike) -> str:
    """An error's message; of a full disk, how much is free where."""
    if isinstance(error, OSError) and error.errno == errno.ENOSPC:
        folder = next(p for p in (Path(results), *Path(results).absolute().parents) if p.exists())
        free = shutil.disk_usage(folder).free / 1e6
        return (
            f"no space left on the disk of {folder} ({free:.1f} MB free); make room and run the "
            "same command again"
        )
    return str(error)


@contextmanager
def _logged_warnings(name: str, logger: logging.Logger) -> Iterator[None]:
    """What the package warns of goes into the log, from which the report gathers it."""
    with warnings.catch_warnings():
        shown = warnings.showwarning

        def log(message: Any, category: type[Warning], *rest: Any, **more: Any) -> None:
            if not issubclass(category, RoundingWarning):
                shown(message, category, *rest, **more)
                return
            logger.warning("%s: %s", name, message)
            print(f"warning in {name}: {message}", file=sys.stderr)

        warnings.simplefilter("always", RoundingWarning)
        warnings.showwarning = log
        yield


@contextmanager
def job(snakemake: Any) -> Iterator[logging.Logger]:
    """Log a workflow script, and turn expected errors into one line and exit code 1.

    Parameters
    ----------
    snakemake : object
        What Snakemake hands to a script; its `rule`, `wildcards` and `log` are read.

    Yields
    ------
    logging.Logger
        Writes to the rule's log file.
    """
    path = Path(snakemake.log[0])
    path.parent.mkdir(parents=True, exist_ok=True)
    logging.raiseExceptions = False  # a log that cannot be written must not hide what is wrong
    logger = logging.getLogger(f"shapemetrics.{snakemake.rule}")
    logger.setLevel(logging.INFO)
    logger.propagate = False
    handler = logging.FileHandler(path, mode="w", encoding="utf-8")
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s"))
    logger.addHandler(handler)
    name = " ".join([snakemake.rule, *map(str, snakemake.wildcards)])
    start = time.perf_counter()
    try:
        with at_work(name, snakemake.config), _logged_warnings(name, logger):
            yield logger
        logger.info("%s done in %.1f s", name, time.perf_counter() - start)
    except DamagedFile as error:
        logger.debug("%s", traceback.format_exc())
        healing = remove_damaged(error.path, snakemake.config["results"])
        logger.error("%s: %s; %s", name, error, healing)
        print(f"error in {name}: {error}; {healing}", file=sys.stderr)
        sys.exit(1)
    except EXPECTED as error:
        # The log keeps where it happened, the terminal gets what to do about it.
        logger.debug("%s", traceback.format_exc())
        message = explained(error, snakemake.config["results"])
        logger.error("%s: %s", name, message)
        print(f"error in {name}: {message}", file=sys.stderr)
        sys.exit(1)
    finally:
        logger.removeHandler(handler)
        handler.close()

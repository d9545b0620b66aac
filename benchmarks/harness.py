"""What all cases share: options, timing, facts about the machine, and tables that are kept."""

from __future__ import annotations

import os
import platform
import re
import resource
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pandas as pd
from threadpoolctl import threadpool_info

from shapemetrics.limits import available_cores


@dataclass(frozen=True)
class Options:
    """What the command line asks for.

    Attributes
    ----------
    quick : bool
        Small sizes and one repetition: to see that everything runs.
    full : bool
        Also what takes tens of minutes.
    n_jobs : int
        Threads of the package, of the bound, and processes of netrep.
    netrep : Path or None
        A checkout of netrep.
    device : str or None
        Of torch, beside the CPU; by default a GPU where there is one.
    records : Path or None
        A file of published NAS-Bench records, instead of one that is made.
    """

    quick: bool = False
    full: bool = False
    n_jobs: int = field(default_factory=available_cores)
    netrep: Path | None = None
    device: str | None = None
    records: Path | None = None


def seconds(work: Callable[[], object]) -> float:
    """Time of one call."""
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def interleaved(works: Sequence[Callable[[], object]], repeats: int) -> list[float]:
    """Best time of each, taken in turns, so that what else the machine does meets all alike."""
    times = [[seconds(work) for work in works] for _ in range(repeats)]
    return [min(column) for column in zip(*times)]


def per_call(work: Callable[[], object], budget: float = 0.3) -> float:
    """Best time of a short call, of as many as fit into the budget (in seconds), at least two."""
    work()
    found, end = [seconds(work)], time.perf_counter() + budget
    while time.perf_counter() < end:
        found.append(seconds(work))
    return min(found)


def machine() -> dict[str, str]:
    """Facts that a table of timings needs beside it."""
    import torch

    import shapemetrics

    blas = sorted(
        {
            f"{lib['internal_api']} {lib.get('version') or '?'} ({lib.get('architecture', '?')})"
            for lib in threadpool_info()
            if lib["user_api"] == "blas"
        }
    )
    return {
        "date": datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
        "processor": _processor(),
        "cores": _cores(),
        "memory": f"{_memory() / 1e9:.0f} GB",
        "load average": ", ".join(f"{value:.2f}" for value in os.getloadavg()),
        "system": f"{platform.system()} {platform.release()}",
        "blas": "; ".join(blas),
        "versions": f"Python {platform.python_version()}, numpy {np.__version__}, "
        f"torch {torch.__version__}, shapemetrics {shapemetrics.__version__}",
        "gpu": torch.cuda.get_device_name() if torch.cuda.is_available() else "none",
    }


def _processor() -> str:
    try:
        with open("/proc/cpuinfo", encoding="ascii", errors="replace") as stream:
            names = [line.split(":", 1)[1].strip() for line in stream if "model name" in line]
        return names[0]
    except (OSError, IndexError):
        return platform.processor() or platform.machine()


def _cores() -> str:
    used, present = available_cores(), os.cpu_count()
    return str(used) if used == present else f"{used} of {present}"


def _memory() -> float:
    return float(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"))


def peak_memory() -> float:
    """Largest resident memory so far, in MB."""
    try:
        with open("/proc/self/status", encoding="ascii") as stream:
            facts = dict(line.split(":", 1) for line in stream)
        return int(facts["VmHWM"].split()[0]) * 1024 / 1e6
    except (OSError, KeyError):
        # On Linux this one may be the parent's, from before this program was started.
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e6


def markdown(table: pd.DataFrame) -> str:
    """A table as markdown, numbers to three digits."""
    cells = [[str(name) for name in table.columns]]
    cells += [[_cell(value) for value in row] for row in table.itertuples(index=False)]
    widths = [max(map(len, column)) for column in zip(*cells)]
    lines = [
        "| " + " | ".join(cell.ljust(w) for cell, w in zip(row, widths)) + " |" for row in cells
    ]
    lines.insert(1, "|" + "|".join("-" * (w + 2) for w in widths) + "|")
    return "\n".join(lines)


def _cell(value: object) -> str:
    if isinstance(value, bool | np.bool_):
        return "yes" if value else "no"
    if isinstance(value, int | np.integer):
        return str(value)
    if isinstance(value, float | np.floating):
        if np.isnan(value):
            return ""
        return f"{value:.0f}" if 1000 <= abs(value) < 1e6 else f"{value:.3g}"
    return "" if value is None else str(value)


class Report:
    """Tables of the cases, printed as they come and written to a folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        self._parts: list[str] = []
        facts = pd.DataFrame(machine().items(), columns=["what", "value"])
        facts.to_csv(folder / "machine.csv", index=False)
        self._add("# Benchmarks\n\n" + markdown(facts))

    def add(self, name: str, title: str, table: pd.DataFrame, took: float) -> None:
        """Print a case's table and keep it, as CSV and in the report."""
        table.to_csv(self._folder / f"{name}.csv", index=False, float_format="%.6g")
        load = f"{os.getloadavg()[0]:.2f}"
        self._add(f"## {name}: {title}\n\n{markdown(table)}\n\n({took:.0f} s; load {load})")

    def _add(self, part: str) -> None:
        print(part + "\n", flush=True)
        self._parts.append(part)
        (self._folder / "report.md").write_text("\n\n".join(self._parts) + "\n", encoding="utf-8")


TABLE = re.compile(r"(<!-- table: (\w+) -->\n).*?(<!-- end -->)", re.DOTALL)


def fill(document: Path, folder: Path) -> list[str]:
    """Put the tables of a folder between a document's marks; return the names of those put."""
    put: list[str] = []

    def table(match: re.Match) -> str:
        path = folder / f"{match[2]}.csv"
        if not path.is_file():
            return match[0]
        put.append(match[2])
        return f"{match[1]}{markdown(pd.read_csv(path, keep_default_na=True))}\n{match[3]}"

    document.write_text(TABLE.sub(table, document.read_text(encoding="utf-8")), encoding="utf-8")
    return put


def note(text: str) -> None:
    """Say on the standard error stream what is being done."""
    print(text, file=sys.stderr, flush=True)

"""Run the cases, print their tables and keep them: ``python -m benchmarks --help``."""

from __future__ import annotations

import argparse
import time
from importlib import import_module
from pathlib import Path

from benchmarks.harness import Options, Report, fill, note
from shapemetrics.limits import available_cores

#: Name of a case: its module and what its table tells.
CASES = {
    "bound": ("bound", "all pairs against the same products and singular values alone"),
    "doors": ("doors", "every door, against the bare calls, on a busy machine too"),
    "netrep": ("netrep_side", "the same distances by netrep"),
    "scaling": ("scaling", "time a pair against the number of networks"),
    "memory": ("memory", "peak of resident memory, out of core"),
    "routes": ("routes", "tolerance, truncation, precision and array libraries"),
    "landmarks": ("landmark_cost", "landmarks against the full matrix"),
    "learning": ("learning", "regression, distortion, audit and more, from 2,000 networks"),
    "cost": ("cost_model", "the cost model against this machine"),
    "records": ("read_records", "reading published NAS-Bench records"),
    "training": ("train_throughput", "training networks, against plain PyTorch"),
}


def main() -> None:
    """Parse the command line and run."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument(
        "--only", nargs="+", choices=CASES, metavar="NAME", help="of: " + ", ".join(CASES)
    )
    parser.add_argument("--quick", action="store_true", help="small sizes, to see that it runs")
    parser.add_argument("--full", action="store_true", help="also what takes tens of minutes")
    parser.add_argument("--netrep", type=Path, help="folder of a checkout of netrep")
    parser.add_argument("--jobs", type=int, default=available_cores(), help="threads or processes")
    parser.add_argument("--device", help="of torch, beside the CPU; by default a GPU if any")
    parser.add_argument("--records", type=Path, help="file of published NAS-Bench records")
    parser.add_argument("--out", type=Path, default=Path("results") / "benchmarks")
    parser.add_argument(
        "--fill", type=Path, help="put the tables into this document, between its marks"
    )
    parser.add_argument(
        "--no-run", action="store_true", help="with --fill: the tables that are there already"
    )
    given = parser.parse_args()
    if given.netrep and not (given.netrep / "netrep").is_dir():
        parser.error(f"--netrep: {given.netrep} holds no folder netrep, expected a checkout of it")
    options = Options(
        given.quick, given.full, given.jobs, given.netrep, given.device, given.records
    )
    if not given.no_run:
        _run(given.only or list(CASES), options, given.out)
    if given.fill:
        note(f"{given.fill}: filled in {', '.join(fill(given.fill, given.out)) or 'nothing'}")


def _run(names: list[str], options: Options, folder: Path) -> None:
    report = Report(folder)
    for name in names:
        module, title = CASES[name]
        if name == "netrep" and options.netrep is None:
            note("netrep: left out, since no checkout is given (--netrep PATH)")
            continue
        note(f"{name}: {title} ...")
        start = time.perf_counter()
        table = import_module(f"benchmarks.{module}").run(options)
        report.add(name, title, table, time.perf_counter() - start)
    note(f"written to {folder}")


if __name__ == "__main__":
    main()

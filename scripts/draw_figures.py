"""All figures of a dataset that belong to one chapter of the report, each by its own script."""

import runpy
from pathlib import Path

from shapemetrics.study.drawing import Given

scripts = {Path(script).stem: script for script in snakemake.input.scripts}
for figure in snakemake.params.figures:
    given = {name: value for name, value in figure.items() if name != "script"}
    runpy.run_path(
        scripts[figure["script"]], {"snakemake": Given(config=snakemake.config, **given)}
    )

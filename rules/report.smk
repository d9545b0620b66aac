# All figures with their captions in one file, and what the study cost.


rule figures:
    input:
        FIGURES,
    localrule: True


# After the figures, so that every job's time is known.
rule gather_costs:
    input:
        figures=FIGURES,
        code=study.code("study.costs", "study.datasets.networks", "study.jobs"),
        paper=os.path.join(BASE, "config", "paper.yaml"),
    output:
        table=report(
            layout["costs"],
            caption="../report/costs.rst",
            category="6 Cost",
            labels={
                "figure": "time and memory by rule",
                "dataset": "all",
                "metric": "all",
            },
        ),
    log:
        layout.log("gather_costs"),
    localrule: True
    params:
        benchmarks=layout["benchmarks"],
        default=os.path.join(BASE, "config.yaml"),
    script:
        "../scripts/gather_costs.py"


# Where data are too small for the default configuration: what was changed or left out, and why.
ADJUSTMENTS = []
if study.notes:

    rule list_adjustments:
        output:
            table=report(
                layout["adjustments"],
                caption="../report/adjustments.rst",
                category="7 Provenance",
                labels={"figure": "adjustments", "dataset": "all", "metric": "all"},
            ),
        log:
            layout.log("list_adjustments"),
        localrule: True
        params:
            rows=[{"dataset": name, **vars(note)} for name, note in study.notes],
        script:
            "../scripts/list_adjustments.py"

    ADJUSTMENTS = rules.list_adjustments.output


rule write_provenance:
    input:
        FIGURES,
        ADJUSTMENTS,
        rules.write_explorer.output,
        code=study.code("study.provenance", "study.jobs"),
    output:
        table=report(
            layout["provenance"],
            caption="../report/provenance.rst",
            category="7 Provenance",
            labels={"figure": "provenance", "dataset": "all", "metric": "all"},
        ),
        warnings=report(
            layout["warnings"],
            caption="../report/warnings.rst",
            category="7 Provenance",
            labels={"figure": "warnings", "dataset": "all", "metric": "all"},
        ),
    log:
        layout.log("write_provenance"),
    localrule: True
    params:
        program=study.program(BASE),
        config=study.config,
    script:
        "../scripts/write_provenance.py"


rule reported:
    input:
        FIGURES,
        ADJUSTMENTS,
        rules.write_explorer.output,
        rules.gather_costs.output,
        rules.write_provenance.output,
    localrule: True


rule write_report:
    input:
        figures=rules.reported.input,
        captions=[
            os.path.join(BASE, "report", name)
            for name in sorted(os.listdir(os.path.join(BASE, "report")))
        ],
    output:
        layout["report"],
    log:
        layout.log("write_report"),
    localrule: True
    params:
        snakefile=os.path.join(BASE, "Snakefile"),
        config=study.config,
    script:
        "../scripts/write_report.py"

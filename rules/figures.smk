# Tables become figures: each a PDF, a PNG for the report, and the CSV of its numbers. The rules are
# made from the table of figures, a rule draw_NAME for each row.

from shapemetrics.study.figures import FIGURES as DRAWN
from shapemetrics.study.layout import FORMS

for figure in DRAWN:

    rule:
        name:
            figure.rule
        input:
            **figure.inputs(study),
            code=study.code(f"figures.{figure.module}", "study.drawing"),
            dataset=layout["metadata"],
        output:
            png=report(
                f"{layout.figure(figure.stem)}.png",
                caption=f"../report/{figure.name}.rst",
                category=figure.category,
                labels=figure.labels,
            ),
            pdf=f"{layout.figure(figure.stem)}.pdf",
            csv=f"{layout.figure(figure.stem)}.csv",
        log:
            layout.log(figure.rule, *figure.wildcards),
        benchmark:
            layout.benchmark(figure.rule, *figure.wildcards)
        wildcard_constraints:
            target="[A-Za-z0-9_]+",
        params:
            **figure.answers(study),
            script=figure.script,
        script:
            "../scripts/{params.script}.py"


FIGURES = [
    f"{layout.figure(figure)}.{form}".format(dataset=dataset)
    for dataset in study.datasets
    for figure in study.figures(dataset)
    for form in FORMS
]

# Tables become figures: each a PDF, a PNG for the report, and the CSV of its numbers. A job draws all
# figures of a dataset that belong to one chapter of the report.

from shapemetrics.study.dependencies import script_files
from shapemetrics.study.figures import chapters
from shapemetrics.study.layout import FORMS

for chapter in chapters(study):

    rule:
        name:
            chapter.rule
        input:
            chapter.tables,
            code=study.code(*chapter.modules, "study.drawing"),
            scripts=script_files(BASE, *chapter.scripts),
            dataset=layout["metadata"].format(dataset=chapter.dataset),
        output:
            [
                f"{drawn.stem}.{form}"
                for drawn in chapter.figures
                for form in FORMS
                if form != "png"
            ],
            [
                report(
                    f"{drawn.stem}.png",
                    caption=f"../report/{drawn.figure.name}.rst",
                    category=drawn.figure.category,
                    labels=drawn.labels,
                )
                for drawn in chapter.figures
            ],
        log:
            [drawn.log for drawn in chapter.figures],
        benchmark:
            layout.benchmark(chapter.name, "dataset").format(dataset=chapter.dataset)
        resources:
            runtime=20,
        params:
            figures=[
                {"script": drawn.figure.script, **drawn.given}
                for drawn in chapter.figures
            ],
        script:
            "../scripts/draw_figures.py"


FIGURES = [
    f"{layout.figure(figure)}.{form}".format(dataset=dataset)
    for dataset in study.datasets
    for figure in study.figures(dataset)
    for form in FORMS
]

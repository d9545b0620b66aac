# All figures with their captions in one file.


rule figures:
    input:
        FIGURES,
    localrule: True


rule write_report:
    input:
        figures=FIGURES,
        captions=[
            os.path.join(workflow.basedir, "report", name)
            for name in sorted(os.listdir(os.path.join(workflow.basedir, "report")))
        ],
    output:
        study.path("report.html"),
    log:
        study.path("logs", "write_report.log"),
    localrule: True
    params:
        snakefile=workflow.main_snakefile,
    script:
        "../scripts/write_report.py"

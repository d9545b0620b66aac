# AllenSDK needs older packages than the rest: an environment of its own, built on demand.

ALLENSDK = os.path.join(workflow.basedir, ".venv-allensdk")


rule build_allensdk_environment:
    input:
        code=study.code("datasets.allen.environment", "study.jobs"),
        requirements=os.path.join(workflow.basedir, "envs", "allensdk.txt"),
    output:
        interpreter=study.path("environments", "allensdk.txt"),
    log:
        study.path("logs", "build_allensdk_environment.log"),
    localrule: True
    params:
        folder=ALLENSDK,
        python=study.dataset("allen")["python"],
    script:
        "../scripts/build_allensdk_environment.py"

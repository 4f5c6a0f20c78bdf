from markupsafe import Markup

from roadworthy.core.study import Study
from roadworthy.render.environment import environment, source

MEANINGS = {
    "better": "The interval of the gain over the plain recipe, with the same labels, lies above 0.",
    "unclear": "The gain may be nothing, or harm: not to be recommended on these data.",
    "harms": "It does worse than the plain recipe with the same labels.",
}


def page(study: Study) -> str:
    """Write a comparison of trainings as one self-contained page without scripts."""
    from roadworthy.render.charts import draw  # slow to import

    return (
        environment()
        .get_template("study.html.jinja")
        .render(
            study=study,
            chart=Markup(draw(study.figure, "scores")),
            MEANINGS=MEANINGS,
            looks={"better": "pass", "unclear": "not_assessed", "harms": "fail"},
            style=source("report.css") + source("comparison.css"),
        )
    )

import base64
from collections.abc import Mapping, Sequence

import msgspec
from markupsafe import Markup

from roadworthy.core.labelling import Item
from roadworthy.render.characters import visible
from roadworthy.render.environment import environment, source
from roadworthy.render.png import png


def page(
    name: str, items: Sequence[Item], classes: Sequence[str], labels: Mapping[int, str]
) -> str:
    """Write the page that shows one row after the other and takes a label of each.

    Args:
        name: of the dataset.
        items: what to show.
        classes: to choose from; none where the target is a number.
        labels: those that were given before, by row.
    """
    shown = [
        {
            "row": item.row,
            "guess": item.guess,
            "label": labels.get(item.row, ""),
            "picture": "" if item.picture is None else _as_link(png(item.picture)),
            "values": [[visible(key), visible(value)] for key, value in item.values],
            "text": visible(item.text),
        }
        for item in items
    ]
    return (
        environment()
        .get_template("label.html.jinja")
        .render(
            name=name,
            items=_in_script(shown),
            classes=_in_script(list(classes)),
            style=source("report.css") + source("label.css"),
            script=source("label.js"),
        )
    )


def _as_link(image: bytes) -> str:
    return f"data:image/png;base64,{base64.b64encode(image).decode()}"


def _in_script(value: object) -> Markup:
    """Write JSON that cannot end the element it stands in."""
    text = msgspec.json.encode(value).decode()
    return Markup(text.replace("&", "\\u0026").replace("<", "\\u003c").replace(">", "\\u003e"))

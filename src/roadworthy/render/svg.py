import re
from xml.etree import ElementTree
from xml.etree.ElementTree import Element

# colors that no chart would use, each of which stands for a variable of the page
INK, MUTED, GRID, PAPER = "#010203", "#010204", "#010205", "#010206"
SERIES = ("#010211", "#010212", "#010213", "#010214", "#010215", "#010216")
_LIGHT = {
    INK: ("ink", "#1b2430"),
    MUTED: ("muted", "#566270"),
    GRID: ("rule", "#d9dcd8"),
    PAPER: ("surface", "#ffffff"),
    SERIES[0]: ("chart-1", "#2a6592"),
    SERIES[1]: ("chart-2", "#b8622b"),
    SERIES[2]: ("chart-3", "#3f8257"),
    SERIES[3]: ("chart-4", "#8a4f8f"),
    SERIES[4]: ("chart-5", "#9a7b1c"),
    SERIES[5]: ("chart-6", "#5c6b7a"),
}
_COLOR = re.compile("|".join(_LIGHT))
_FAMILY = re.compile(r"font-family:[^;]*(;\s*|$)")
_LONG_DECIMALS = re.compile(r"(\.\d\d)\d+")
_REFERENCE = re.compile(r"url\(#")
_MEASURED = ("d", "x", "y", "transform", "width", "height")


def inline(source: str, prefix: str, title: str, text: str) -> str:
    """Make matplotlib's SVG part of a page.

    Args:
        source: the SVG file.
        prefix: starts every id.
        title: the name that a screen reader says.
        text: the description that it reads.
    """
    root = ElementTree.fromstring(source)
    for parent in list(root.iter()):
        for child in list(parent):
            # a style sheet here would style the whole page
            if _bare(child.tag) in ("metadata", "style"):
                parent.remove(child)
    used = {value[1:] for part in root.iter() for value in part.attrib.values() if value[:1] == "#"}
    used |= {
        found
        for part in root.iter()
        for value in part.attrib.values()
        for found in re.findall(r"url\(#([^)]*)\)", value)
    }
    for part in root.iter():
        _rewrite(part, prefix, used)
    root.attrib = {
        "xmlns": "http://www.w3.org/2000/svg",
        "viewBox": root.attrib["viewBox"],
        "width": "100%",
        "role": "img",
        "aria-labelledby": f"{prefix}-title {prefix}-text",
        "font-family": "inherit",
        "stroke-linejoin": "round",
    }
    root.insert(0, _words("desc", f"{prefix}-text", text))
    root.insert(0, _words("title", f"{prefix}-title", title))
    return ElementTree.tostring(root, encoding="unicode")


def _words(tag: str, name: str, text: str) -> Element:
    element = Element(tag, {"id": name})
    element.text = text
    return element


def _bare(name: str) -> str:
    return name.rpartition("}")[2]


def _rewrite(part: Element, prefix: str, used: set[str]) -> None:
    part.tag = _bare(part.tag)
    if part.tag != "text" and not (part.text or "").strip():
        part.text = None
    part.tail = None
    attributes = {}
    for name, value in part.attrib.items():
        name = _bare(name)
        if name == "id":
            if value not in used:
                continue
            value = f"{prefix}-{value}"
        elif name == "href":
            value = f"#{prefix}-{value[1:]}"
        elif name in _MEASURED:
            value = _LONG_DECIMALS.sub(r"\1", value.replace("\n", " ").strip())
        elif name == "style":
            value = _FAMILY.sub("", _COLOR.sub(_variable, value)).rstrip("; ")
        attributes[name] = _REFERENCE.sub(f"url(#{prefix}-", value)
    part.attrib = attributes


def _variable(found: re.Match[str]) -> str:
    name, light = _LIGHT[found.group()]
    return f"var(--{name}, {light})"

from collections.abc import Sequence
from dataclasses import dataclass

from roadworthy.core.dataset import Dataset
from roadworthy.core.errors import InputError
from roadworthy.core.query import Query
from roadworthy.core.registry import Registry
from roadworthy.core.training import Recipe
from roadworthy.queries import QUERIES
from roadworthy.recipes import RECIPES
from roadworthy.strategies import STRATEGIES
from roadworthy.training.strategy import SMALL_DATA, Strategy
from roadworthy.training.trained import defended
from roadworthy.workflows.chosen_items import choose_items

BACKBONES = {"image": "cnn", "tabular": "mlp", "text": "text-transformer"}
# what needs no network, or hardly one, and is often as good on few labels
SIMPLE = {"image": "logistic-regression", "tabular": "random-forest", "text": "bag-of-words"}
# what a training is put together from
TRAINING: Registry[type[Recipe] | type[Strategy] | type[Query]] = Registry(
    "recipes, strategies and queries", *RECIPES, *STRATEGIES, *QUERIES
)


@dataclass(frozen=True)
class Contender:
    """A training by name: a recipe, what changes it, and how it chooses the rows to label.

    Args:
        name: as it was asked for.
        recipe: with its strategies.
        query: chooses which rows are labelled next; None takes them as they come.
    """

    name: str
    recipe: Recipe
    query: Query | None = None


def contender(name: str, data: Dataset, settings: Sequence[str] = ()) -> Contender:
    """Read a name such as `cnn`, `fixmatch`, `cnn+simclr+linear-probe` or `mlp@margin`.

    Args:
        name: a recipe, then strategies after `+`, then a query after `@`. Without a recipe it is
            the usual one for the kind of data.
        data: what is trained on.
        settings: `name.field=value` of those that are named; others are passed over.

    Raises:
        InputError: there is no such recipe, strategy or query, or they do not go together.
    """
    words, _, query = name.partition("@")
    names = [word.strip() for word in words.split("+") if word.strip()]
    if not names or names[0] not in RECIPES:
        names.insert(0, BACKBONES[data.kind])
    asked = [*names, *([query.strip()] if query.strip() else [])]
    own = [text for text in settings if _owner(text) in {TRAINING.get(n).card.name for n in asked}]
    recipe, *rest = choose_items(TRAINING, asked, own)
    strategies = tuple(item for item in rest if isinstance(item, Strategy))
    queries = [item for item in rest if isinstance(item, Query)]
    others = [item for item in rest if isinstance(item, Recipe)]
    if others or len(queries) > 1 or (queries and not query):
        raise InputError(
            f"{name!r} is no training: name one recipe, then strategies after +, then a query "
            "after @, such as cnn+fixmatch@margin"
        )
    full = defended(recipe, strategies) if strategies else recipe
    return Contender(name, full.prepared(may_download=True), queries[0] if queries else None)


def _owner(setting: str) -> str:
    """Give whose field `name.field=value` sets.

    Raises:
        InputError: it names nobody's.
    """
    name, dot, _ = setting.partition("=")[0].strip().rpartition(".")
    if not dot:
        raise InputError(f"--set takes name.field=value, such as cnn.width=8, not {setting!r}")
    return TRAINING.get(name).card.name


def contenders(
    names: Sequence[str], data: Dataset, settings: Sequence[str] = ()
) -> list[Contender]:
    """Read several names; the first is a plain recipe, which the others are compared with.

    `all` stands for every strategy for small data that suits this dataset, with the usual recipe,
    and for a simple model.
    """
    chosen = suitable(data) if list(names) == ["all"] else list(names)
    first = chosen[0] if chosen and chosen[0] in RECIPES else BACKBONES[data.kind]
    for setting in settings:
        _owner(setting)
    return [contender(name, data, settings) for name in dict.fromkeys([first, *chosen])]


def suitable(data: Dataset) -> list[str]:
    """Name the strategies for small data that know a dataset, and a simple model."""
    strategies = [
        strategy.card.name
        for strategy in STRATEGIES
        if strategy.purpose in SMALL_DATA
        and data.task in strategy.tasks
        and data.kind in strategy.kinds
    ]
    simple = RECIPES.get(SIMPLE[data.kind])
    return [*strategies, *([simple.card.name] if data.task in simple.tasks else [])]

from roadworthy.core.guard import Guard
from roadworthy.core.registry import Registry
from roadworthy.guards import GUARDS
from roadworthy.strategies import STRATEGIES
from roadworthy.training.strategy import Strategy

# what `repair` applies: a role that strategies and guards have, not a kind of its own
DEFENSES: Registry[type[Strategy] | type[Guard]] = Registry(
    "defenses",
    *(each for each in STRATEGIES if each.purpose == "defense" or each.card.fixes),
    *GUARDS,
)

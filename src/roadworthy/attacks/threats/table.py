from collections.abc import Sequence
from dataclasses import dataclass, fields

import torch
from torch import Tensor

from roadworthy.attacks.projections import onto_l1_within
from roadworthy.core.card import Card
from roadworthy.core.dataset import Dataset
from roadworthy.core.errors import InputError
from roadworthy.core.threat import Threat, not_beyond

NEVER = float("inf")  # what a change costs that is not allowed


@dataclass(frozen=True)
class Column:
    """What an attacker may do to one column of a table, and what it costs.

    Args:
        scale: one unit of change of a number, such as its standard deviation.
        up: cost of one unit up; infinite where the number cannot grow.
        down: cost of one unit down; infinite where the number cannot shrink.
        step: a number's values are multiples of it, 1 for whole numbers; 0 means any value.
        low: smallest valid value.
        high: largest valid value.
        codes: how many categories the column codes as 0, 1, …; 0 means that it is a number.
        group: columns of one name hold a 1 in one of them and 0 in the others.
        change: cost of another category; in a group, of this column's becoming the 1. Infinite
            where it cannot be.
    """

    scale: float = 1.0
    up: float = 1.0
    down: float = 1.0
    step: float = 0.0
    low: float = float("-inf")
    high: float = float("inf")
    codes: int = 0
    group: str = ""
    change: float = 1.0

    def __post_init__(self) -> None:
        is_positive = min(self.scale, self.up, self.down, self.change) > 0
        if not (is_positive and self.scale < NEVER and self.step >= 0 and self.low <= self.high):
            raise InputError(
                f"a column needs a scale and costs above 0, a step from 0, and a low end not above "
                f"its high end: {self}"
            )
        if self.codes and self.group:
            raise InputError("a column is either coded or one of a group, not both")


@dataclass(frozen=True)
class _Rules:
    """The columns as tensors (D,), and the groups as a mask (G, D)."""

    scale: Tensor
    up: Tensor
    down: Tensor
    step: Tensor
    low: Tensor
    high: Tensor
    codes: Tensor
    change: Tensor
    groups: Tensor

    @property
    def is_grouped(self) -> Tensor:
        return self.groups.any(0)

    @property
    def is_number(self) -> Tensor:
        return (self.codes == 0) & ~self.is_grouped


@dataclass(frozen=True)
class TableRules(Threat):
    """Change a table's rows by what each column allows, at what it costs.

    Numbers move within their range, perhaps only up or down or by whole steps; categories change
    at a price of their own, coded in one column or as a group of columns that hold a single 1. What
    all changes of a row cost together is its size: an L1 norm, weighted column by column. A value
    of the row that breaks a rule may stay as it is; a category that does has to.

    Source: cost-weighted changes of tables as in Ballet et al. 2019, arXiv:1911.03274; rules as in
    Simonetto et al. 2024, arXiv:2406.00775, section 3.

    Args:
        eps: the cost that a row's changes may have.
        columns: one each; empty means numbers of any value that cost 1 per unit.
    """

    eps: float = 1.0
    columns: tuple[Column, ...] = ()

    card = Card("table", "Rules and costs of columns", paper="arxiv:2406.00775")

    def __post_init__(self) -> None:
        if not 0 <= self.eps < float("inf"):
            raise InputError(f"eps must be a finite number from 0, not {self.eps!r}")

    @property
    def kind(self) -> str:
        return self.card.name

    @classmethod
    def of(cls, data: Dataset, eps: float = 1.0, immutable: Sequence[str] = ()) -> "TableRules":
        """Read the rules from a dataset: one standard deviation, or another category, costs 1.

        Columns that are whole numbers in the training split stay whole, and those that are 0 or 1
        there are categories.

        Args:
            data: a table.
            eps: the cost that a row's changes may have.
            immutable: names of columns that cannot change.

        Raises:
            InputError: the data are no table, or have no such column.
        """
        if data.kind != "tabular":
            raise InputError(f"{data.name} has images: rules of columns are for tables")
        unknown = set(immutable) - {feature.name for feature in data.features}
        if unknown:
            raise InputError(f"{data.name} has no column {min(unknown)!r} to keep fixed")
        x = data.train.x
        is_whole = (x == x.round()).all(0).tolist()
        is_binary = ((x == 0) | (x == 1)).all(0).tolist()
        columns = []
        for k, feature in enumerate(data.features):
            cost = NEVER if feature.name in immutable else 1.0
            codes = len(feature.categories) if feature.kind == "category" else 2 * is_binary[k]
            columns.append(
                Column(
                    scale=feature.scale,
                    up=cost,
                    down=cost,
                    step=float(is_whole[k]),
                    low=feature.low,
                    high=feature.high,
                    codes=codes,
                    change=cost,
                )
            )
        return cls(eps, tuple(columns))

    def rules(self, like: Tensor) -> _Rules:
        """Give the columns as tensors.

        Raises:
            InputError: the inputs are no rows of as many columns.
        """
        columns = self.columns or (Column(),) * like.shape[-1]
        if like.ndim != 2 or like.shape[1] != len(columns):
            shape = (*like.shape,)
            raise InputError(f"the rules are for rows of {len(columns)} columns, not {shape}")
        names = dict.fromkeys(column.group for column in columns if column.group)
        groups = [[column.group == name for column in columns] for name in names]
        mask = torch.tensor(groups, dtype=torch.bool, device=like.device)
        parts = {
            part.name: like.new_tensor([getattr(column, part.name) for column in columns])
            for part in fields(Column)
            if part.name != "group"
        }
        return _Rules(**parts, groups=mask.reshape(len(names), len(columns)))

    def costs(self, origin: Tensor, x: Tensor) -> Tensor:
        """Give what each change costs (N, D); infinite where it breaks a rule."""
        rules = self.rules(x)
        is_moved = x != origin
        cost = _lengths(rules, origin, x)
        cost = torch.where((rules.codes > 0) & is_moved, rules.change, cost)
        is_new = _spread(rules, _any(rules, is_moved)) & (x == 1)
        cost = torch.where(rules.is_grouped, torch.where(is_new, rules.change, 0.0), cost)
        low, high = _range(rules, origin)
        is_valid = (x >= low) & (x <= high) & (x == _on_step(rules, x))
        is_valid &= (rules.codes == 0) | (_is_code(rules, x) & _is_code(rules, origin))
        is_single = _is_single(rules, x) & _is_single(rules, origin)
        in_group = _spread(rules, is_single) & (x <= rules.high.clamp_min(0))
        is_valid = torch.where(rules.is_grouped, in_group, is_valid)
        return torch.where(is_moved & ~is_valid, NEVER, cost)

    def size(self, origin: Tensor, x: Tensor, theta: Tensor) -> Tensor:
        return self.costs(origin, x).sum(1)

    def hold(
        self, origin: Tensor, x: Tensor, theta: Tensor, is_bounded: bool
    ) -> tuple[Tensor, Tensor]:
        rules = self.rules(x)
        held = self._valid(rules, origin, x)
        return self._paid(rules, origin, x, held) if is_bounded else held, theta

    def shorten(
        self, origin: Tensor, x: Tensor, theta: Tensor, share: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Shorten the changes of numbers; categories change or do not."""
        rules = self.rules(x)
        nearer = not_beyond(origin, share[:, None] * (x - origin))
        nearer = _toward(rules, origin, torch.where(share[:, None] < 1, nearer, x))
        return torch.where(rules.is_number, nearer, x), theta

    def tighten(self, origin: Tensor, low: Tensor, high: Tensor) -> tuple[Tensor, Tensor]:
        """Narrow the box of numbers; which categories may change is held by each candidate."""
        rules = self.rules(origin)
        least, most = _range(rules, origin)
        down, up = _prices(rules)
        # by the budget only where no step that it just affords can be lost by rounding
        is_smooth = rules.is_number & (rules.step == 0)
        least = torch.where(is_smooth, torch.maximum(least, origin - self.eps / down), least)
        most = torch.where(is_smooth, torch.minimum(most, origin + self.eps / up), most)
        low = torch.where(rules.is_number, torch.maximum(low, least), low)
        return low, torch.where(rules.is_number, torch.minimum(high, most), high)

    def reach(self, origin: Tensor, x: Tensor, toward: Tensor) -> Tensor:
        """Give how far a cost of 1 brings columns (N, D) from x by the signs of `toward`.

        As if all columns were numbers; 0 where they cannot go. On the way back it is what is saved.
        """
        rules = self.rules(x)
        low, high = _range(rules, origin)
        down, up = _prices(rules)
        is_up = torch.where(x == origin, toward > 0, x > origin)
        is_at_end = torch.where(toward > 0, x >= high, x <= low)
        return torch.where(is_at_end, 0.0, 1 / torch.where(is_up, up, down))

    def relaxed(self, origin: Tensor, x: Tensor) -> Tensor:
        """Bring candidates (N, D) to the nearest of size `eps`, as if all columns were numbers.

        Of a category, half a change costs half. The exact projection on range and budget at once.
        """
        rules = self.rules(x)
        x = _cut(rules, origin, x, torch.full_like(x[:, 0], self.eps))
        # what other columns of a group gained, the one that held the 1 lost
        gained = ((x - origin)[:, None] * rules.groups).sum(2) @ rules.groups.to(x)
        return torch.where(rules.is_grouped & (origin == 1), origin - gained, x)

    def slope(self, origin: Tensor, gradient: Tensor) -> Tensor:
        """Give by how much a function rises as each column does (N, D), from its gradient.

        In a group the column that holds the 1 then falls.
        """
        rules = self.rules(origin)
        fall = (gradient * (origin == 1))[:, None] * rules.groups
        return gradient - fall.sum(2) @ rules.groups.to(gradient)

    def _valid(self, rules: _Rules, origin: Tensor, x: Tensor) -> Tensor:
        """Bring each column to a value that it may have."""
        low, high = _range(rules, origin)
        clipped = torch.minimum(torch.maximum(x, low), high)
        code = torch.minimum(clipped.round(), rules.codes - 1).clamp_min(0)
        is_stuck = ~_is_code(rules, origin) | (rules.change == NEVER)
        code = torch.where(is_stuck, origin, code)
        held = torch.where(rules.codes > 0, code, _toward(rules, origin, clipped))
        return _one_each(rules, origin, x, held)

    def _paid(self, rules: _Rules, origin: Tensor, x: Tensor, held: Tensor) -> Tensor:
        """Spend the budget on the categories that changed, the cheapest first, then on numbers."""
        cost = torch.where(rules.is_number, 0.0, self.costs(origin, held))
        order = cost.argsort(dim=1, stable=True)
        is_kept = torch.zeros_like(cost).scatter(1, order, cost.gather(1, order).cumsum(1))
        is_kept = self.allows(is_kept)
        # a group is kept where the column that became its 1 is
        new = (cost > 0) & is_kept
        is_kept = torch.where(rules.is_grouped, _spread(rules, _any(rules, new)), is_kept)
        spent = (cost * is_kept).sum(1)
        left = (self.eps - spent).clamp_min(0)
        before = _lengths(rules, origin, torch.where(rules.is_number, held, origin)).sum(1)
        wish = torch.where(rules.is_number, x, origin)
        numbers = _toward(rules, origin, _cut(rules, origin, wish, left))
        # the cut rounds, so what is within the budget stays as it is
        fits = self.allows(spent + before)[:, None]
        numbers = torch.where(rules.is_number & fits, held, numbers)
        numbers = _one_more(rules, origin, wish, numbers, left)
        return torch.where(rules.is_number, numbers, torch.where(is_kept, held, origin))


def _prices(rules: _Rules) -> tuple[Tensor, Tensor]:
    """Give what one down and one up of the values costs, 2 times (D,): relaxed for categories."""
    down = torch.where(rules.is_number, rules.down / rules.scale, rules.change)
    return down, torch.where(rules.is_number, rules.up / rules.scale, rules.change)


def _lengths(rules: _Rules, origin: Tensor, x: Tensor) -> Tensor:
    """Give what the changes cost (N, D) as if all columns were numbers."""
    down, up = _prices(rules)
    delta = x - origin
    return torch.where(delta == 0, 0.0, delta.abs() * torch.where(delta > 0, up, down))


def _range(rules: _Rules, origin: Tensor) -> tuple[Tensor, Tensor]:
    """Give between what values (N, D) each column may move; a group's 1 goes where others rise."""
    down, up = _prices(rules)
    low = torch.where(down < NEVER, torch.minimum(rules.low, origin), origin)
    high = torch.where(up < NEVER, torch.maximum(rules.high, origin), origin)
    is_low = (origin == 0) & (up < NEVER) & (rules.high >= 1)
    high = torch.where(rules.is_grouped, torch.where(is_low, 1.0, origin), high)
    return torch.where(rules.is_grouped, origin, low), high


def _cut(rules: _Rules, origin: Tensor, x: Tensor, radius: Tensor) -> Tensor:
    """Project on range and relaxed budget at once: (N, D)."""
    low, high = _range(rules, origin)
    down, up = _prices(rules)
    is_up = x > origin
    price = torch.where(is_up, up, down)
    price = torch.where(price < NEVER, price, 1.0)  # the range keeps these where they are
    size = (x - origin).abs() * price
    room = torch.where(is_up, high - origin, origin - low) * price
    held = onto_l1_within(size, room, radius)
    cut = not_beyond(origin, (x - origin).sign() * held / price)
    return torch.minimum(torch.maximum(cut, low), high)  # what was cut may round past the end


def _on_step(rules: _Rules, x: Tensor) -> Tensor:
    """Give the nearest multiples of the columns' steps; the values where there is no step."""
    step = torch.where(rules.step > 0, rules.step, 1.0)
    is_free = (rules.step == 0) | ~rules.is_number
    return torch.where(is_free, x, (x / step).round() * step)


def _toward(rules: _Rules, origin: Tensor, x: Tensor) -> Tensor:
    """Round to the next multiple of the step on the way back to the origin, or to the origin."""
    nearest = _on_step(rules, x)
    is_past = (nearest - origin).abs() > (x - origin).abs()
    back = _on_step(rules, nearest - (x - origin).sign() * rules.step)
    rounded = torch.where(is_past, back, nearest)
    is_through = (rounded - origin) * (x - origin) <= 0
    return torch.where(is_through, origin, rounded)


def _is_code(rules: _Rules, x: Tensor) -> Tensor:
    """Say which values (N, D) would be one of their column's codes."""
    return (x >= 0) & (x < rules.codes) & (x == x.round())


def _one_more(rules: _Rules, origin: Tensor, wish: Tensor, x: Tensor, left: Tensor) -> Tensor:
    """Spend what rounding saved on one more step, in the columns that fall shortest first.

    Args:
        rules: of the columns.
        origin: (N, D) rows.
        wish: (N, D) where they would go without steps and a budget.
        x: (N, D) where they are; categories at the origin.
        left: (N,) the budget of numbers.
    """
    low, high = _range(rules, origin)
    wish = torch.minimum(torch.maximum(wish, low), high)
    further = _on_step(rules, x + (wish - origin).sign() * rules.step)
    is_short = (wish - origin).abs() > (x - origin).abs()
    is_open = (rules.step > 0) & rules.is_number & is_short & (further >= low) & (further <= high)
    further = torch.where(is_open, further, x)
    before, after, most = (_lengths(rules, origin, part) for part in (x, further, wish))
    missing = torch.where(is_open, most - before, 0.0)
    order = missing.argsort(dim=1, descending=True, stable=True)
    extra = (after - before).gather(1, order).cumsum(1)
    fits = extra + before.sum(1)[:, None] <= left[:, None] * (1 + 1e-6)
    return torch.where(torch.zeros_like(is_open).scatter(1, order, fits), further, x)


def _any(rules: _Rules, mask: Tensor) -> Tensor:
    """Say of each group (N, G) whether a mask (N, D) holds in one of its columns."""
    return (mask[:, None] & rules.groups).any(2)


def _spread(rules: _Rules, mask: Tensor) -> Tensor:
    """Say of each column (N, D) what is said of its group (N, G)."""
    return (mask[:, :, None] & rules.groups).any(1)


def _is_single(rules: _Rules, x: Tensor) -> Tensor:
    """Say of each group (N, G) whether it holds a single 1 and else 0."""
    ones = ((x[:, None] == 1) & rules.groups).sum(2)
    zeros = ((x[:, None] == 0) & rules.groups).sum(2)
    return (ones == 1) & (ones + zeros == rules.groups.sum(1))


def _one_each(rules: _Rules, origin: Tensor, x: Tensor, held: Tensor) -> Tensor:
    """Put each group's 1 into its column of highest value; a tie leaves the group as it is."""
    was_single = _is_single(rules, origin)
    for k, group in enumerate(rules.groups):  # few, and each of another size
        place = group.nonzero()[:, 0]
        old = origin[:, place]
        can_be = ((rules.change < NEVER) & (rules.high >= 1))[place]
        wish = torch.where(can_be, x[:, place], -NEVER)
        single = torch.nn.functional.one_hot(wish.argmax(1), len(place)).to(x)
        stays = x[:, place].gather(1, old.argmax(1)[:, None])[:, 0]
        is_new = was_single[:, k] & (wish.amax(1) > stays)
        new = torch.where(is_new[:, None], single, old)
        held = held.index_copy(1, place, new)
    return held

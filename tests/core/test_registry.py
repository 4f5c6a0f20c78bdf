import pytest

from roadworthy.core.card import Card
from roadworthy.core.errors import InputError
from roadworthy.core.registry import Registry, summary


class Pear:
    """A fruit with a neck.

    More of it.
    """

    card = Card("pear", "Pear", aliases=("Williams", "PYRUS"))


class Peach:
    card = Card("peach", "Peach")


FRUITS = Registry("fruits", Pear, Peach)


def test_items_come_in_the_order_of_the_table():
    assert list(FRUITS) == [Pear, Peach]
    assert FRUITS.names() == ("pear", "peach")
    assert len(FRUITS) == 2


@pytest.mark.parametrize("name", ["pear", "PEAR", "williams", "WILLIAMS", "pyrus"])
def test_an_item_is_found_by_name_and_alias_in_any_case(name):
    assert FRUITS.get(name) is Pear
    assert name in FRUITS


def test_a_misspelled_name_offers_the_nearest():
    with pytest.raises(InputError, match="no 'peer' among the fruits: did you mean pear"):
        FRUITS.get("peer")


def test_a_name_like_no_other_lists_all():
    with pytest.raises(InputError, match="one of pear, peach"):
        FRUITS.get("xyzzy")


def test_two_items_of_one_name_are_refused():
    class Other:
        card = Card("plum", "Plum", aliases=("Pear",))

    with pytest.raises(ValueError, match="two fruits are called 'Pear'"):
        Registry("fruits", Pear, Other)


def test_an_item_that_is_listed_twice_is_refused():
    with pytest.raises(ValueError, match="'pear' is listed twice among the fruits"):
        Registry("fruits", Pear, Peach, Pear)


def test_an_alias_may_repeat_its_own_items_name():
    class Fig:
        card = Card("fig", "Fig", aliases=("FIG",))

    assert Registry("fruits", Fig).get("Fig") is Fig


def test_the_summary_is_the_first_line_of_the_page():
    assert summary(Pear) == "A fruit with a neck."
    assert summary(Peach) == ""

"""What is measured: one row per attack and norm, with the settings that all libraries share."""

from dataclasses import dataclass

EPS = {"linf": 0.1, "l2": 1.5}


@dataclass(frozen=True)
class Row:
    """One line of the comparison.

    Args:
        name: attack and norm, as the table shows them.
        norm: what the median is taken of.
        images: how many are attacked: fewer where a peer takes minutes.
        is_targeted: each image is to become the next class.
        has_budget: the attack is held to `EPS`; otherwise the median norm is what counts.
    """

    name: str
    norm: str
    images: int = 200
    is_targeted: bool = False
    has_budget: bool = False


ROWS = (
    Row("FGSM, L-inf", "linf", has_budget=True),
    Row("PGD 40, L-inf", "linf", has_budget=True),
    Row("PGD 40, L2", "l2", has_budget=True),
    Row("APGD-CE 50, L-inf", "linf", has_budget=True),
    Row("Square 500, L-inf", "linf", has_budget=True),
    Row("AutoAttack standard, L-inf", "linf", images=100, has_budget=True),
    Row("DeepFool 50, L2", "l2"),
    Row("CW 5x100, L2", "l2", images=50),
    Row("DDN 100, L2", "l2"),
    Row("FMN 100, L2", "l2"),
    Row("FMN 100, L-inf", "linf"),
    Row("FMN 100, L1", "l1"),
    Row("FMN 100, L0", "l0"),
    Row("sigma-zero 100, L0", "l0"),
    Row("EAD 5x100, L1", "l1", images=50),
    Row("JSMA, L0", "l0", images=20, is_targeted=True),
    Row("HopSkipJump 2500, L2", "l2", images=20),
    Row("Boundary 600, L2", "l2", images=10),
)

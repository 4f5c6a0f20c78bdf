import foolbox
from foolbox.criteria import TargetedMisclassification

from .rows import EPS

NAME = "foolbox"
of = foolbox.attacks


def attacks():
    """Give a function (network, x, y, target) to adversarial images for each row."""
    return {
        "FGSM, L-inf": held(of.LinfFastGradientAttack(), "linf"),
        "PGD 40, L-inf": held(of.LinfPGD(steps=40, rel_stepsize=0.1), "linf"),
        "PGD 40, L2": held(of.L2PGD(steps=40, rel_stepsize=0.1), "l2"),
        "DeepFool 50, L2": minimal(of.L2DeepFoolAttack(steps=50)),
        "CW 5x100, L2": minimal(of.L2CarliniWagnerAttack(binary_search_steps=5, steps=100)),
        "DDN 100, L2": minimal(of.DDNAttack(steps=100)),
        "FMN 100, L2": minimal(of.L2FMNAttack(steps=100)),
        "FMN 100, L-inf": minimal(of.LInfFMNAttack(steps=100)),
        "FMN 100, L1": minimal(of.L1FMNAttack(steps=100)),
        "FMN 100, L0": minimal(of.L0FMNAttack(steps=100)),
        "EAD 5x100, L1": minimal(
            of.EADAttack(binary_search_steps=5, steps=100, regularization=1e-2)
        ),
        "HopSkipJump 2500, L2": minimal(of.HopSkipJumpAttack(steps=10)),
        "Boundary 600, L2": minimal(
            of.BoundaryAttack(steps=500, init_attack=of.LinearSearchBlendedUniformNoiseAttack())
        ),
    }


def held(attack, norm):
    """Run an attack at the budget."""
    return lambda network, x, y, target: call(attack, network, x, y, target, EPS[norm])


def minimal(attack):
    """Run an attack that looks for the nearest error."""
    return lambda network, x, y, target: call(attack, network, x, y, target, None)


def call(attack, network, x, y, target, eps):
    criterion = y if target is None else TargetedMisclassification(target)
    return attack(foolbox.PyTorchModel(network, bounds=(0, 1)), x, criterion, epsilons=eps)[1]

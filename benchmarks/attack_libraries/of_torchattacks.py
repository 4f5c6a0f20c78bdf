import torchattacks

from .rows import EPS

NAME = "torchattacks"


def attacks():
    """Give a function (network, x, y, target) to adversarial images for each row."""
    eps = EPS["linf"]
    return {
        "FGSM, L-inf": use(lambda net: torchattacks.FGSM(net, eps=eps)),
        "PGD 40, L-inf": use(lambda net: torchattacks.PGD(net, eps=eps, alpha=eps / 10, steps=40)),
        "PGD 40, L2": use(
            lambda net: torchattacks.PGDL2(net, eps=EPS["l2"], alpha=EPS["l2"] / 10, steps=40)
        ),
        "APGD-CE 50, L-inf": use(lambda net: torchattacks.APGD(net, eps=eps, steps=50)),
        "Square 500, L-inf": use(lambda net: torchattacks.Square(net, eps=eps, n_queries=500)),
        "DeepFool 50, L2": use(lambda net: torchattacks.DeepFool(net, steps=50)),
        "CW 5x100, L2": use(lambda net: torchattacks.CW(net, c=10, steps=500, lr=0.01)),
        "EAD 5x100, L1": use(
            lambda net: torchattacks.EADL1(
                net, beta=1e-2, binary_search_steps=5, max_iterations=100
            )
        ),
        "JSMA, L0": use(lambda net: torchattacks.JSMA(net, theta=1.0, gamma=0.2)),
    }


def use(make):
    """Set an attack up and run it; only its JSMA can be told a class, and chooses the next one."""
    return lambda network, x, y, target: make(network)(x, y)

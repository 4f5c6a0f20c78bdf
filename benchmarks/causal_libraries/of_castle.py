import logging

from castle.algorithms.gradient.notears.linear import Notears

logging.disable(logging.CRITICAL)


def graphs():
    return {"notears": notears}


def notears(rows):
    method = Notears()
    method.learn(rows)
    return method.causal_matrix != 0

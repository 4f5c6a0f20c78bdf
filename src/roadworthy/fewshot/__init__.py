"""Learning to tell new classes apart from a few items of each."""

from roadworthy.core.registry import Registry
from roadworthy.fewshot.anil import ANIL
from roadworthy.fewshot.baseline_plus_plus import BaselinePlusPlus
from roadworthy.fewshot.episodes import Episodes, EpisodeShape, EpisodeSource
from roadworthy.fewshot.evaluation import Scores, compare, evaluate
from roadworthy.fewshot.learner import Adapter, FewShotLearner
from roadworthy.fewshot.maml import MAML
from roadworthy.fewshot.matching_networks import MatchingNetworks
from roadworthy.fewshot.proto_net import ProtoNet
from roadworthy.fewshot.relation_network import RelationNetwork
from roadworthy.fewshot.simple_shot import SimpleShot
from roadworthy.fewshot.turns import with_turns

FEW_SHOT: Registry[type[FewShotLearner]] = Registry(
    "few-shot",
    ProtoNet,
    SimpleShot,
    BaselinePlusPlus,
    MatchingNetworks,
    RelationNetwork,
    MAML,
    ANIL,
)

__all__ = [
    "ANIL",
    "FEW_SHOT",
    "MAML",
    "Adapter",
    "BaselinePlusPlus",
    "EpisodeShape",
    "EpisodeSource",
    "Episodes",
    "FewShotLearner",
    "MatchingNetworks",
    "ProtoNet",
    "RelationNetwork",
    "Scores",
    "SimpleShot",
    "compare",
    "evaluate",
    "with_turns",
]

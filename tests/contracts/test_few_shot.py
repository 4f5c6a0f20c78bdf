"""Every few-shot learner against the promises of its kind."""

from dataclasses import fields, replace

import pytest
import torch

from roadworthy.core.errors import InputError
from roadworthy.fewshot import FEW_SHOT, EpisodeShape, EpisodeSource, FewShotLearner, evaluate
from tests.few_shot_data import pictures

# settings under which a learner learns the toy classes in seconds, by its field
SOON = {"width": 8, "ways": 4, "queries": 3, "episodes": 60, "steps": 60, "batch": 4, "rate": 5e-3}
# `steps` of these are those on a task's support
INNER = {"maml": {"steps": 5, "step_size": 0.2}, "anil": {"steps": 5, "step_size": 0.5, "batch": 1}}
every_learner = pytest.mark.parametrize("learner", FEW_SHOT, ids=lambda item: item.card.name)


@pytest.fixture(scope="module", autouse=True)
def one_thread():
    torch.set_num_threads(1)


def quick(learner, **settings):
    """Make a learner that is trained in a second."""
    names = {part.name for part in fields(learner)}
    soon = SOON | INNER.get(learner.card.name, {}) | settings
    return learner(**{name: value for name, value in soon.items() if name in names})


def short(learner):
    """Make a learner that is hardly trained."""
    length = {"episodes": 4} if learner.card.name in INNER else {"episodes": 4, "steps": 4}
    return quick(learner, **length)


@pytest.fixture(scope="module")
def base():
    return pictures(12, name="base")


@pytest.fixture(scope="module")
def novel():
    return pictures(8, first=100, name="novel")


@pytest.fixture(scope="module")
def tasks(novel):
    return EpisodeSource(novel, EpisodeShape(4, 2, 3)).draw(0, 0, 3)


@pytest.fixture(scope="module")
def trained(base):
    return {item.card.name: short(item).train(base, 0) for item in FEW_SHOT}


def answers(adapter, tasks, **changed):
    parts = {name: getattr(tasks, name) for name in ("support_x", "support_y", "query_x")}
    with torch.no_grad():
        return adapter(**(parts | changed))


@every_learner
def test_it_tells_new_classes_apart(learner, base, novel):
    scores = evaluate(quick(learner).train(base, 0), novel, EpisodeShape(4, 1, 4), episodes=40)
    assert scores.accuracy.low > 0.6  # chance is 0.25


@every_learner
def test_it_answers_by_probabilities(learner, trained, tasks):
    found = answers(trained[learner.card.name], tasks)
    assert found.shape == (3, 12, 4)
    assert torch.allclose(found.exp().sum(2), torch.ones(3, 12), atol=1e-5)


@every_learner
def test_the_number_of_ways_and_shots_is_free(learner, trained, novel):
    tasks = EpisodeSource(novel, EpisodeShape(7, 3, 2)).draw(0, 0, 2)
    assert answers(trained[learner.card.name], tasks).shape == (2, 14, 7)


@every_learner
def test_renaming_the_classes_renames_the_answers(learner, trained, tasks):
    order = torch.tensor([2, 0, 3, 1])
    plain = answers(trained[learner.card.name], tasks)
    renamed = answers(trained[learner.card.name], tasks, support_y=order[tasks.support_y])
    assert torch.allclose(renamed[..., order], plain, atol=1e-4)


@every_learner
def test_the_order_of_the_support_plays_no_part(learner, trained, tasks):
    order = torch.randperm(8, generator=torch.Generator().manual_seed(0))
    plain = answers(trained[learner.card.name], tasks)
    parts = {"support_x": tasks.support_x[:, order], "support_y": tasks.support_y[:, order]}
    assert torch.allclose(answers(trained[learner.card.name], tasks, **parts), plain, atol=1e-4)


@every_learner
def test_an_answer_does_not_depend_on_other_queries(learner, trained, tasks):
    together = answers(trained[learner.card.name], tasks)
    alone = [
        answers(trained[learner.card.name], tasks, query_x=query)
        for query in tasks.query_x.split(1, dim=1)
    ]
    assert torch.allclose(torch.cat(alone, 1), together, atol=1e-4)


@every_learner
def test_an_answer_does_not_depend_on_other_tasks(learner, trained, tasks):
    together = answers(trained[learner.card.name], tasks)
    first = {name: getattr(tasks, name)[:1] for name in ("support_x", "support_y", "query_x")}
    assert torch.allclose(
        answers(trained[learner.card.name], tasks, **first), together[:1], atol=1e-4
    )


@every_learner
def test_a_class_without_support_is_refused(learner, trained, tasks):
    labels = tasks.support_y.clone()
    labels[1, labels[1] == 2] = 3
    with pytest.raises(InputError, match="class 2 has no item in the support of task 1"):
        answers(trained[learner.card.name], tasks, support_y=labels)


@every_learner
def test_answering_changes_nothing(learner, trained, tasks):
    adapter = trained[learner.card.name]
    before = {name: value.clone() for name, value in adapter.state_dict().items()}
    answers(adapter, tasks)
    assert not adapter.training
    assert all(torch.equal(value, before[name]) for name, value in adapter.state_dict().items())


@every_learner
def test_the_same_seed_gives_the_same_bits(learner, base, tasks, trained):
    again = short(learner).train(base, 0)
    other = short(learner).train(base, 1)
    plain = answers(trained[learner.card.name], tasks)
    assert torch.equal(answers(again, tasks), plain)
    assert not torch.equal(answers(other, tasks), plain)


@every_learner
def test_the_callers_random_numbers_and_rows_are_left_alone(learner, base):
    before = base.x.clone(), base.y.clone()
    torch.manual_seed(11)
    expected = torch.rand(3)
    torch.manual_seed(11)
    short(learner).train(base, 0)
    assert torch.equal(torch.rand(3), expected)
    assert torch.equal(base.x, before[0])
    assert torch.equal(base.y, before[1])


@every_learner
def test_it_can_learn_from_turned_classes(learner, base, novel):
    adapter = replace(short(learner), turns=True).train(base, 0)
    assert adapter.seen == frozenset(range(12))
    evaluate(adapter, novel, EpisodeShape(4, 1, 3), episodes=2)


@every_learner
def test_classes_that_it_learned_from_are_refused(learner, trained, base):
    with pytest.raises(InputError, match="12 classes of base were learned from"):
        evaluate(trained[learner.card.name], base, EpisodeShape(4, 1, 3), episodes=2)


@every_learner
def test_what_is_no_image_is_refused(learner, base):
    rows = replace(base, x=base.x.flatten(1))
    with pytest.raises(InputError, match="read images"):
        short(learner).train(rows, 0)
    with pytest.raises(InputError, match="too small"):
        short(learner).train(replace(base, x=base.x[..., :8, :8]), 0)


@every_learner
def test_the_page_explains_every_setting_and_names_a_source(learner):
    assert issubclass(learner, FewShotLearner)
    for part in fields(learner):
        assert f"{part.name}: " in learner.__doc__
    assert "Source: " in learner.__doc__
    assert replace(learner()) == learner()

"""Which words are asked for, what stands in their place, and which answers count."""

import math
from dataclasses import replace

import pytest
import torch

from roadworthy.core.dataset import Task
from roadworthy.core.errors import InputError
from roadworthy.core.progress import Silent
from roadworthy.core.text import to_codes
from roadworthy.networks.word_tokenizer import FIRST, MASK, PADDING, UNKNOWN
from roadworthy.recipes import BagOfWords, TextTransformer
from roadworthy.sources import make_dataset
from roadworthy.strategies import MaskedLanguageModel
from roadworthy.strategies.masked_language_model import guessing_loss, masked
from roadworthy.training.crew import Crew
from roadworthy.training.loop import Training
from roadworthy.training.plan import Machine
from roadworthy.workflows.compare import compare
from roadworthy.workflows.training import train
from tests.toy_data import toy

SMALL = TextTransformer(words=60, width=16, heads=2, epochs=5)
KNOWN = 50


def training_of(plan, way):
    pretext = way.pretext(plan)
    torch.manual_seed(0)
    plan = replace(plan, objective=pretext.objective, beside=pretext.beside)
    return Training.of(plan, Crew.of(Machine()))


def test_so_many_words_are_chosen_hidden_replaced_and_left():
    torch.manual_seed(0)
    words = torch.randint(FIRST, FIRST + KNOWN, (1000, 400))
    seen, is_chosen = masked(words, KNOWN, 0.15)
    chosen = int(is_chosen.sum())
    is_hidden, is_left = seen[is_chosen] == MASK, seen[is_chosen] == words[is_chosen]
    # a word drawn at random is the same by chance once in as many as there are
    left, replaced = 0.1 + 0.1 / KNOWN, 0.1 - 0.1 / KNOWN
    for count, total, share in (
        (chosen, words.numel(), 0.15),
        (int(is_hidden.sum()), chosen, 0.8),
        (int(is_left.sum()), chosen, left),
        (int((~is_hidden & ~is_left).sum()), chosen, replaced),
    ):
        # five standard deviations
        assert abs(count / total - share) < 5 * math.sqrt(share * (1 - share) / total)


def test_other_words_are_left_alone_and_those_drawn_are_in_the_vocabulary():
    torch.manual_seed(0)
    words = torch.randint(0, FIRST + KNOWN, (200, 50))
    seen, is_chosen = masked(words, KNOWN, 0.5)
    assert torch.equal(seen[~is_chosen], words[~is_chosen])
    assert not is_chosen[(words == PADDING) | (words == UNKNOWN) | (words == MASK)].any()
    drawn = seen[is_chosen & (seen != MASK)]
    assert set(drawn.tolist()) == set(range(FIRST, FIRST + KNOWN))


def test_only_chosen_words_count():
    data = toy(Task.NOMINAL, "text")
    plan, way = SMALL.plan(data, data.train, 0), MaskedLanguageModel(chosen=0.3)
    training = training_of(plan, way)
    rows = torch.arange(12)
    batch = plan.batch(data.train.x[rows], data.train.y[rows], rows, 0.0, beside=training.beside)
    torch.manual_seed(5)
    loss = training.plan.objective(training.network, batch)
    tokenizer, body = training.network
    words = tokenizer(batch.x)
    torch.manual_seed(5)
    seen, is_chosen = masked(words, tokenizer.known, 0.3)
    states = body.states(seen)
    losses = []
    vectors = body.words.weight[FIRST:].detach()
    for row, column in is_chosen.nonzero().tolist():
        hidden = training.beside["decoder"].hidden(states[row, column]).detach()
        logits = [float(hidden @ vector) for vector in vectors]  # the bias starts at 0
        total = math.log(sum(map(math.exp, logits)))
        losses.append(total - logits[int(words[row, column]) - FIRST])
    assert 0 < len(losses) < int((words >= FIRST).sum())
    assert float(loss.detach()) == pytest.approx(sum(losses) / len(losses), rel=1e-5)


def test_a_batch_without_a_chosen_word_costs_nothing():
    guesses = torch.zeros(0, 7, requires_grad=True)
    loss = guessing_loss(guesses, torch.zeros(0, dtype=torch.int64))
    loss.backward()
    assert float(loss.detach()) == 0


def test_it_learns_which_word_follows_which():
    pairs = [(f"first{k}", f"second{k}") for k in range(8)]
    torch.manual_seed(0)
    texts = [
        " ".join(word for k in torch.randperm(8)[:3].tolist() for word in pairs[k])
        for _ in range(300)
    ]
    data = make_dataset(texts, [0, 1] * 150, test=(texts[:2], [0, 1]))
    way = MaskedLanguageModel()
    plan = replace(SMALL, epochs=80, rate=3e-3).plan(data, data.train, 0)
    training = training_of(plan, way)
    training.run(Silent())
    tokenizer, body = training.network.eval()
    right = 0
    for first, second in pairs:
        words = tokenizer(to_codes([f"{first} {second}"]))
        seen = torch.tensor([[int(words[0, 0]), MASK]])
        logits = training.beside["decoder"](body.states(seen)[0, 1:], body.words.weight[FIRST:])
        right += int(logits.argmax()) == int(words[0, 1]) - FIRST
    assert right == 8  # one of them would be right by chance


def test_the_vocabulary_is_that_of_all_rows():
    data = make_dataset(
        ["one", "one"], [0, 1], test=(["one"] * 2, [0, 1]), unlabelled=["two", "two", "three"]
    )
    plan = replace(SMALL.plan(data, data.train, 0), unlabelled=data.unlabelled)
    start = MaskedLanguageModel(epochs=1).apply(plan, Silent()).start
    plain = training_of(plan, MaskedLanguageModel()).network[0]
    later = Training.of(replace(plan, start=start), Crew.of(Machine()))
    assert plain.known == 1
    assert later.network[0].known == 2


def test_a_network_without_an_order_of_words_is_refused():
    data = toy(Task.NOMINAL, "text")
    with pytest.raises(InputError, match="choose the recipe text-transformer"):
        MaskedLanguageModel().apply(BagOfWords().plan(data, data.train, 0), Silent())


@pytest.mark.parametrize("chosen", [0.0, 1.0])
def test_senseless_shares_are_refused(chosen):
    data = toy(Task.NOMINAL, "text")
    with pytest.raises(InputError, match="share of the words"):
        MaskedLanguageModel(chosen=chosen).apply(SMALL.plan(data, data.train, 0), Silent())


def test_texts_are_trained_and_compared_with_it():
    data = toy(Task.NOMINAL, "text")
    name = "text-transformer+masked-language-model"
    assert train(data, name, labels=30, passes=6000).score.value > 0.8
    found = compare(data, ["text-transformer", name], labels=(30,), seeds=2, passes=2000)
    assert found.names == ("text-transformer", name)

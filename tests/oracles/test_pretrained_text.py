"""A training that starts from a checkpoint: what it computes, keeps and must not do."""

import pickle
import shutil
import socket
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import safetensors.torch
import torch

from roadworthy.core.dataset import Task
from roadworthy.core.errors import InputError, MissingExtraError
from roadworthy.core.model import Offer
from roadworthy.core.progress import Silent
from roadworthy.core.text import to_codes
from roadworthy.networks import Part, build
from roadworthy.networks.backbone import embedding
from roadworthy.networks.pretrained_encoder import FAMILIES, PretrainedEncoder
from roadworthy.recipes import PretrainedText, TextTransformer
from roadworthy.sources.bundles import load_bundle, save_bundle
from roadworthy.strategies import STRATEGIES, FineTune, LinearProbe, LoRA, MaskedLanguageModel
from roadworthy.strategies.layers import layers_of
from roadworthy.strategies.lora import adapted
from roadworthy.training.loop import begin, fit_plan
from roadworthy.training.pretrained import quiet
from roadworthy.training.trained import defended
from roadworthy.workflows.compare import compare
from roadworthy.workflows.contenders import Contender, contender, contenders
from tests.tiny_checkpoint import change_config, save_checkpoint
from tests.toy_data import toy

DATA = toy(Task.NOMINAL, "text")
TEXTS = [
    "It is low, row 1.",
    "the cat sat on a mat and IT IS HIGH",
    "",
    "кот 😀 [MASK] [PAD] high",
    "row " * 80,
    "middle",
]
SHORT = {"epochs": 2, "rate": 1e-2, "below": 0.5}
every_family = pytest.mark.parametrize("family", FAMILIES)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return save_checkpoint(tmp_path_factory.mktemp("checkpoint") / "bert")


@pytest.fixture
def own(folder, tmp_path):
    """Give a copy of the checkpoint that a test may spoil."""
    return Path(shutil.copytree(folder, tmp_path / "own"))


@pytest.fixture
def offline(monkeypatch):
    """Let nothing leave this machine, and take each try for an error."""

    def refuse(*_):
        raise AssertionError("somebody asks the network")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)


def recipe(folder, **more):
    return PretrainedText(checkpoint=str(folder), **{**SHORT, **more})


def plan_of(folder, *strategies, **more):
    plan = recipe(folder, **more).plan(DATA, DATA.train, 0)
    for strategy in strategies:
        plan = strategy.apply(plan, Silent())
    return plan


def network_of(folder, **more):
    plan = plan_of(folder, **more)
    network = build(plan.parts)
    begin(network, plan)
    return network.eval()


def fit(folder, **more):
    return recipe(folder, **more).fit(DATA, DATA.train, 0, Silent())


# what it computes


@every_family
def test_embeddings_are_those_of_sentence_transformers(family, tmp_path):
    import transformers

    folder = save_checkpoint(tmp_path / family, family)
    with quiet():
        tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
        model = transformers.AutoModel.from_pretrained(folder).eval()
    given = tokenizer(TEXTS, padding=True, truncation=True, max_length=64, return_tensors="pt")
    mask = given["attention_mask"]
    with torch.no_grad():
        states = model(given["input_ids"], attention_mask=mask).last_hidden_state
        ours = embedding(network_of(folder), to_codes(TEXTS))
    spread = mask[:, :, None].expand(states.shape).float()
    expected = (states * spread).sum(1) / spread.sum(1).clamp(min=1e-9)
    assert mask.sum(1).max() == 64  # a text that is cut is among them
    torch.testing.assert_close(ours, expected, rtol=1e-5, atol=1e-5)


@every_family
def test_what_stands_beside_a_text_in_a_batch_does_not_matter(family, tmp_path):
    network = network_of(save_checkpoint(tmp_path / family, family))
    together = network(to_codes(TEXTS * 20))  # more than pass at a time
    alone = torch.cat([network(to_codes([text], length=900)) for text in TEXTS])
    torch.testing.assert_close(together, alone.repeat(20, 1), rtol=1e-5, atol=1e-5)


def test_a_text_is_read_up_to_its_length(folder):
    network = network_of(folder, length=6)
    assert network[0](to_codes(["row " * 80, "row"])).shape == (2, 6)
    whole = network(to_codes(["row " * 4 + "cat"]))
    assert torch.equal(whole, network(to_codes(["row " * 4 + "mat"])))
    assert network_of(folder, length=500)[0].length == 64  # the checkpoint has no more places


def test_a_text_without_any_piece_has_an_embedding(folder):
    network = network_of(folder)
    nothing = torch.full((2, 3), -1)
    nothing[1] = torch.tensor([2, 5, 3])
    embeddings = network[1].embed(nothing)
    assert embeddings.isfinite().all()


def test_the_training_starts_at_the_checkpoint(folder):
    network = network_of(folder).state_dict()
    for name, value in safetensors.torch.load_file(folder / "model.safetensors").items():
        if not name.startswith("pooler"):
            assert torch.equal(network[f"1.body.{name}"], value)


def test_a_regression_learns_numbers(folder):
    data = toy(Task.REGRESSION, "text")
    model = recipe(folder, epochs=30).fit(data, data.train, 0, Silent())
    rest = (model(data.test.x) - data.test.y).square().mean() / data.test.y.var()
    assert rest < 0.2


# transfer


@every_family
def test_layers_are_the_embeddings_each_block_and_the_last(family, tmp_path):
    network = network_of(save_checkpoint(tmp_path / family, family))
    layers = layers_of(network)
    assert len(layers) == 1 + 2 + 1
    assert sum(len(layer) for layer in layers) == len([*network.parameters()])
    names = {id(weight): name for name, weight in network.named_parameters()}
    assert all("layer.0" in names[id(weight)] for weight in layers[1])
    assert all("layer.1" in names[id(weight)] for weight in layers[2])


def test_layers_of_words_in_a_transformer_from_scratch_are_blocks_too():
    plan = TextTransformer(words=50, width=16, heads=2, depth=3).plan(DATA, DATA.train, 0)
    layers = layers_of(build(plan.parts))
    assert len(layers) == 1 + 3 + 1
    assert [tuple(weight.shape) for weight in layers[0]] == [(53, 16), (128, 16)]


def test_lora_adds_low_ranks_to_the_blocks_and_leaves_the_embeddings(folder):
    plan = plan_of(folder, LoRA(rank=2), epochs=4)
    network = fit_plan(plan, Silent()).state_dict()
    ranks = []
    for name, before in plan.start.items():
        if before.ndim < 2 or "embeddings" in name:
            assert torch.equal(network[name], before), name
        else:
            added = (network[name] - before).double()
            ranks.append(int(torch.linalg.matrix_rank(added, rtol=1e-4)))
    assert len(ranks) == 2 * 6  # of a block: query, key, value, out, and two of its perceptron
    assert set(ranks) == {2}


def test_lora_leaves_the_words_of_a_transformer_from_scratch():
    plan = TextTransformer(words=50, width=16, heads=2).plan(DATA, DATA.train, 0)
    network = build(plan.parts)
    tables = [network[1].words.weight, network[1].places.weight]
    weights = adapted(network)
    assert len(weights) == 2 * 4
    assert not {id(weight) for weight in weights} & {id(table) for table in tables}


def test_a_probe_leaves_the_checkpoint_as_it_is(folder):
    plan = plan_of(folder, LinearProbe())
    network = fit_plan(plan, Silent()).state_dict()
    assert all(torch.equal(network[name], value) for name, value in plan.start.items())


@pytest.mark.parametrize(
    "name", ["linear-probe", "lp-ft", "gradual-unfreezing", "discriminative-rates", "lora"]
)
def test_transfer_from_a_checkpoint_learns(name, folder):
    changed = defended(recipe(folder, epochs=30, batch=8), (STRATEGIES.get(name)(),))
    model = changed.fit(DATA, DATA.train, 0, Silent())
    assert (model(DATA.test.x).argmax(1) == DATA.test.y).float().mean() > 0.7


def test_a_bundle_that_was_trained_from_a_checkpoint_can_be_tuned_on(folder, tmp_path):
    first = fit(folder)
    source = str(save_bundle(first, tmp_path / "bundle"))
    plan = plan_of(folder, FineTune(source=source))
    for name, value in first.inner.module.state_dict().items():
        assert name.startswith("1.head.") or torch.equal(plan.start[name], value)


def test_a_checkpoint_is_not_pre_trained_again(folder):
    with pytest.raises(InputError, match="choose the recipe text-transformer"):
        plan_of(folder, MaskedLanguageModel())


# bundles


def test_a_bundle_needs_neither_the_checkpoint_nor_the_network(own, tmp_path, offline):
    model = fit(own)
    bundle = save_bundle(model, tmp_path / "bundle")
    shutil.rmtree(own)
    again = load_bundle(bundle, DATA)
    assert torch.equal(again(DATA.test.x), model(DATA.test.x))
    assert Offer.REFIT not in again.spec.offers
    assert "cannot be trained again here" in again.spec.notes[-1]


def test_it_is_trained_again_where_the_checkpoint_is_the_same(own, tmp_path, offline):
    model = fit(own)
    again = load_bundle(save_bundle(model, tmp_path / "bundle"), DATA)
    assert again.recipe == model.recipe
    half = DATA.train.take(torch.arange(0, 120, 2))
    assert torch.equal(again.refit(half, 1)(DATA.test.x), model.refit(half, 1)(DATA.test.x))


def test_it_is_not_trained_again_from_another_checkpoint(own, tmp_path, offline):
    bundle = save_bundle(fit(own), tmp_path / "bundle")
    save_checkpoint(own, seed=1)
    again = load_bundle(bundle, DATA)
    assert Offer.REFIT not in again.spec.offers
    assert "something else than what was trained from" in again.spec.notes[-1]


def test_a_strangers_bundle_that_names_the_hub_is_not_fetched_for(folder, tmp_path, offline):
    model = fit(folder)
    model.recipe = replace(model.recipe, checkpoint="somebody/something", digest="")
    again = load_bundle(save_bundle(model, tmp_path / "bundle"), DATA)
    assert Offer.REFIT not in again.spec.offers
    assert "nothing is fetched here" in again.spec.notes[-1]
    with pytest.raises(InputError, match="nothing is fetched here"):
        again.recipe.fit(DATA, DATA.train, 0, Silent())


def test_a_damaged_tokenizer_is_refused(folder, tmp_path):
    model = fit(folder)
    model.inner.module[0].file[:5] = 0
    bundle = save_bundle(model, tmp_path / "bundle")
    with pytest.raises(InputError, match="the tokenizer is damaged"):
        load_bundle(bundle, DATA)


def test_a_tokenizer_of_another_network_is_refused(folder):
    network = network_of(folder)
    network[0].words = 20
    with pytest.raises(InputError, match="more pieces of words than the network's 20"):
        network(to_codes(TEXTS))


@pytest.mark.parametrize(
    "wrong",
    [
        {"hidden_size": 10**9},
        {"hidden_size": 15},
        {"hidden_size": "16"},
        {"hidden_size": True},
        {"num_hidden_layers": 10**6},
        {"vocab_size": 10**9},
        {"max_position_embeddings": 10**9},
        {"hidden_dropout_prob": 2.0},
        {"layer_norm_eps": float("nan")},
        {"hidden_act": "os.system"},
        {"n_layers": 2},
        {"auto_map": {"AutoModel": "evil.Model"}},
        {"transformers_weights": "evil.bin"},
    ],
)
def test_a_forged_config_is_refused(folder, wrong):
    settings = plan_of(folder).parts[1].settings
    forged = {**settings, "config": {**settings["config"], **wrong}}
    with torch.device("meta"), pytest.raises(InputError, match="'pretrained-encoder' are wrong"):
        build((Part("pretrained-encoder", forged),))


def test_settings_of_a_bundle_are_bounded(folder):
    for wrong in ({"size": 10**12}, {"size": 0}, {"length": 10**9}, {"words": 0}, {"size": "a"}):
        with pytest.raises(InputError, match="'subword-tokenizer' are wrong"):
            build((Part("subword-tokenizer", {"size": 9, "words": 9, "length": 9, **wrong}),))
    with pytest.raises(InputError, match="'gpt2' is none of bert"):
        build((Part("pretrained-encoder", {"family": "gpt2", "config": {}, "outputs": 2}),))


# what is refused of a checkpoint


def test_a_recipe_without_a_checkpoint_says_so():
    with pytest.raises(InputError, match=r"--set pretrained-text\.checkpoint"):
        PretrainedText().fit(DATA, DATA.train, 0, Silent())


class Trap:
    """Writes a file when it is unpickled."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return (open, (str(self.path), "w"))


def test_weights_in_a_pickle_are_refused_unread(own, tmp_path, offline):
    (own / "model.safetensors").unlink()
    (own / "pytorch_model.bin").write_bytes(pickle.dumps(Trap(tmp_path / "sprung")))
    with pytest.raises(InputError, match=r"must be in model\.safetensors"):
        fit(own)
    assert not (tmp_path / "sprung").exists()


def test_code_in_a_checkpoint_is_not_run(own, tmp_path, offline):
    (own / "evil.py").write_text(f"open({str(tmp_path / 'sprung')!r}, 'w')\nclass Model: pass\n")
    change_config(own, auto_map={"AutoModel": "evil.Model", "AutoConfig": "evil.Model"})
    fit(own)
    assert not (tmp_path / "sprung").exists()


def test_other_kinds_are_refused_with_those_that_are_known(own):
    change_config(own, model_type="gpt2")
    with pytest.raises(InputError, match=r"of the kind 'gpt2'; .* bert, .* xlm-roberta"):
        fit(own)


@pytest.mark.parametrize(
    ("said", "sentence"),
    [
        ({"hidden_size": 10**9}, "must not say 'hidden_size'"),
        ({"is_decoder": True}, "only encoders with is_decoder False"),
        ({"position_embedding_type": "relative_key"}, "position_embedding_type absolute"),
        ({"hidden_size": 32}, "cannot be read|not those of"),
        ({"num_hidden_layers": 3}, "is missing"),
    ],
)
def test_a_config_that_does_not_fit_is_refused(own, said, sentence):
    change_config(own, **said)
    with pytest.raises(InputError, match=sentence):
        fit(own)


@pytest.mark.parametrize(
    ("name", "sentence"),
    [("config.json", r"lacks config\.json"), ("tokenizer.json", r"lacks tokenizer\.json")],
)
def test_a_missing_file_is_named(own, name, sentence):
    (own / name).unlink()
    with pytest.raises(InputError, match=sentence):
        fit(own)


def test_damaged_files_are_refused(own):
    (own / "model.safetensors").write_bytes(b"\xff" * 64)
    with pytest.raises(InputError, match="the weights in"):
        fit(own)
    (own / "tokenizer.json").write_text("{}")
    with pytest.raises(InputError, match="the tokenizer in"):
        fit(own)
    (own / "config.json").write_text("[1, 2")
    with pytest.raises(InputError, match="is damaged"):
        fit(own)


def test_a_missing_extra_is_named(folder, tmp_path, monkeypatch):
    bundle = save_bundle(fit(folder), tmp_path / "bundle")
    monkeypatch.setitem(sys.modules, "transformers", None)
    with pytest.raises(MissingExtraError, match=r"roadworthy\[transformers\]"):
        fit(folder)
    with pytest.raises(MissingExtraError, match=r"roadworthy\[transformers\]"):
        load_bundle(bundle, DATA)


def test_a_missing_tokenizers_is_named(folder, monkeypatch):
    network = network_of(folder)
    monkeypatch.setitem(sys.modules, "tokenizers", None)
    with pytest.raises(MissingExtraError, match=r"roadworthy\[transformers\]"):
        network(to_codes(TEXTS))


# the hub


COMMIT = "0123456789abcdef0123456789abcdef01234567"


@pytest.fixture
def kept(folder, tmp_path, monkeypatch):
    """Put the checkpoint where the hub's client keeps what it fetched."""
    import huggingface_hub

    home = tmp_path / "hub" / "models--org--tiny"
    shutil.copytree(folder, home / "snapshots" / COMMIT)
    (home / "refs").mkdir()
    (home / "refs" / "main").write_text(COMMIT)
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(tmp_path / "hub"))


def test_what_was_fetched_before_is_pinned_to_its_commit(folder, kept, offline):
    model = fit("org/tiny")
    assert (model.recipe.revision, model.recipe.checkpoint) == (COMMIT, "org/tiny")
    assert model.recipe.digest == fit(folder).recipe.digest
    assert torch.equal(model(DATA.test.x), fit(folder)(DATA.test.x))
    with pytest.raises(InputError, match="at that revision"):
        fit("org/tiny", revision=COMMIT[::-1])


def test_only_a_name_that_a_person_gives_may_be_fetched(folder, monkeypatch):
    import huggingface_hub

    asked = []

    def fetch(name, local_files_only, **_):
        asked.append(local_files_only)
        raise OSError("no such thing")

    monkeypatch.setattr(huggingface_hub, "snapshot_download", fetch)
    with pytest.raises(InputError, match="nothing is fetched here"):
        fit("org/tiny")
    assert asked == [True]
    with pytest.raises(InputError, match="the hub did not give it"):
        contender("pretrained-text", DATA, ["pretrained-text.checkpoint=org/tiny"])
    assert asked == [True, False]


def test_a_folder_has_no_revision(folder):
    with pytest.raises(InputError, match="leave revision out"):
        fit(folder, revision=COMMIT)


def test_a_comparison_notices_that_a_checkpoint_changed(own, tmp_path):
    def trials():
        chosen = contenders(["pretrained-text"], DATA, [f"pretrained-text.checkpoint={own}"])
        compare(DATA, chosen, labels=(24,), seeds=2, passes=100, store=tmp_path / "store")
        return len([*(tmp_path / "store").rglob("*.json")])

    assert trials() == 2
    assert trials() == 2
    save_checkpoint(own, seed=1)
    assert trials() == 4


def test_a_comparison_pins_the_checkpoint_of_a_recipe_that_it_is_given(own, tmp_path):
    given = Contender("mine", PretrainedText(checkpoint=str(own), **SHORT))
    for files in (2, 4):
        compare(DATA, [given], labels=(24,), seeds=2, passes=100, store=tmp_path / "store")
        assert len([*(tmp_path / "store").rglob("*.json")]) == files
        save_checkpoint(own, seed=1)


def test_transformers_keeps_its_own_settings(folder):
    from transformers.utils import logging

    before = logging.get_verbosity(), logging.is_progress_bar_enabled()
    fit(folder)
    assert (logging.get_verbosity(), logging.is_progress_bar_enabled()) == before


def test_the_network_is_what_transformers_makes(folder):
    settings = plan_of(folder).parts[1].settings
    assert type(PretrainedEncoder(**settings).body).__module__.startswith("transformers.")

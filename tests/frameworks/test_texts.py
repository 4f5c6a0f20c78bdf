import pytest
import torch
from sklearn.ensemble import RandomForestClassifier
from sklearn.feature_extraction.text import CountVectorizer, TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from torch import nn

from roadworthy import wrap_model
from roadworthy.core.errors import InputError
from roadworthy.core.model import Offer
from roadworthy.core.text import to_texts
from roadworthy.sources import make_dataset

TEXTS = [f"{'Cheap' if k % 2 else 'Kind'} words, row {k % 7}" for k in range(60)]


@pytest.fixture
def data():
    return make_dataset(TEXTS, ["mail", "ad"] * 30)


@pytest.mark.parametrize(
    "estimator",
    [
        make_pipeline(TfidfVectorizer(), LogisticRegression()),
        make_pipeline(CountVectorizer(), RandomForestClassifier(5, random_state=0)),
    ],
)
def test_a_pipeline_is_given_strings(data, estimator):
    texts, y = to_texts(data.train.x), data.train.y.numpy()
    model = wrap_model(estimator.fit(texts, y), data)
    outputs = model(data.test.x)
    expected = torch.from_numpy(estimator.predict_proba(to_texts(data.test.x)))
    assert outputs.is_floating_point()
    assert torch.allclose(outputs.double().softmax(1), expected, atol=1e-5)
    assert {Offer.REFIT, Offer.SCORES} <= model.spec.offers
    assert not {Offer.GRADIENTS, Offer.TREES} & model.spec.offers


def test_a_pipeline_is_trained_again_on_strings(data):
    pipeline = make_pipeline(TfidfVectorizer(), LogisticRegression())
    model = wrap_model(pipeline.fit(to_texts(data.train.x), data.train.y.numpy()), data)
    again = model.refit(data.train, 0)
    assert torch.equal(again(data.test.x), model(data.test.x))


def test_an_estimator_of_columns_is_refused(data):
    estimator = LogisticRegression().fit([[0.0], [1.0]], [0, 1])
    with pytest.raises(InputError, match="TfidfVectorizer"):
        wrap_model(estimator, data)


def test_a_function_is_given_strings(data):
    def label(texts):
        assert all(isinstance(text, str) for text in texts)
        return ["ad" if text.startswith("Cheap") else "mail" for text in texts]

    model = wrap_model(label, data)
    assert model.spec.offers == {Offer.LABELS}
    assert torch.equal(model(data.test.x).argmax(1), data.test.y)


def test_scores_of_a_function_keep_their_fractions(data):
    model = wrap_model(lambda texts: [0.25 + 0.5 * t.startswith("Cheap") for t in texts], data)
    probabilities = model(data.test.x).softmax(1)
    assert set(probabilities[:, 1].double().numpy().round(4).tolist()) <= {0.25, 0.75}


def test_a_function_of_code_points_is_given_them(data):
    model = wrap_model(
        lambda x: torch.stack([x[:, 0] == ord("K"), x[:, 0] == ord("C")], 1).float(), data
    )
    assert torch.equal(model(data.test.x).argmax(1) == 1, data.test.x[:, 0] == ord("C"))


def test_a_function_that_takes_neither_says_so_of_both(data):
    def neither(x):
        raise TypeError(f"no {type(x).__name__}")

    with pytest.raises(InputError, match=r"with a tensor, .*no Tensor.*; with strings, .*no list"):
        wrap_model(neither, data)


def test_a_module_of_code_points_is_given_whole_numbers(data):
    class Letters(nn.Module):
        def __init__(self):
            super().__init__()
            self.letters = nn.EmbeddingBag(128, 4)
            self.head = nn.Linear(4, 2)

        def forward(self, x):
            return self.head(self.letters(x))

    model = wrap_model(Letters().double(), data)
    outputs = model(data.test.x)
    assert outputs.dtype == torch.float32
    assert Offer.GRADIENTS not in model.spec.offers
    assert model.embed(data.test.x).shape == (len(data.test), 4)

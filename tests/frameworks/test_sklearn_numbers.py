import numpy as np
import pytest
from sklearn.compose import make_column_transformer
from sklearn.ensemble import GradientBoostingClassifier, RandomForestClassifier
from sklearn.feature_selection import SelectKBest
from sklearn.kernel_approximation import Nystroem
from sklearn.linear_model import LinearRegression, LogisticRegression, SGDClassifier
from sklearn.model_selection import GridSearchCV
from sklearn.neighbors import KNeighborsClassifier
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, PolynomialFeatures, StandardScaler

from roadworthy.frameworks.sklearn_numbers import learned_numbers

X = np.random.default_rng(0).normal(size=(60, 4))
Y = np.arange(60) % 3


@pytest.mark.filterwarnings("ignore:.*onverge")
@pytest.mark.parametrize(
    ("estimator", "count"),
    [
        (LogisticRegression(), 3 * 5),
        (LinearRegression(), 5),
        (SGDClassifier(), 3 * 5),
        (make_pipeline(StandardScaler(), LogisticRegression()), 3 * 5),
        (make_pipeline(SelectKBest(k=2), LogisticRegression()), 3 * 3),
        (make_pipeline(Nystroem(n_components=2), LogisticRegression()), 2 * 4 + 2 * 2 + 3 * 3),
        (GridSearchCV(LogisticRegression(), {"C": [0.1, 1]}), 3 * 5),
        (MLPClassifier((5,), max_iter=5), 4 * 5 + 5 + 5 * 3 + 3),
        (
            make_pipeline(
                make_column_transformer(
                    (OneHotEncoder(), [0]), ("drop", [1]), remainder="passthrough"
                ),
                LogisticRegression(),
            ),
            3 * (60 + 2 + 1),
        ),
    ],
    ids=lambda value: str(value).partition("(")[0],
)
def test_weights_are_counted_and_what_can_be_told_by_them_is_not(estimator, count):
    assert learned_numbers(estimator.fit(X, Y)) == count


@pytest.mark.parametrize(
    "estimator",
    [
        RandomForestClassifier(3),
        GradientBoostingClassifier(n_estimators=2),
        KNeighborsClassifier(),
        make_pipeline(PolynomialFeatures(), LogisticRegression()),
    ],
    ids=lambda value: str(value).partition("(")[0],
)
def test_what_is_not_made_of_weights_is_not_counted(estimator):
    assert learned_numbers(estimator.fit(X, Y)) is None

"""What a peer is given: the rows of a case and a linear model of them.

Read by the interpreter of each peer, so it must do with what all of them have.
"""

import json
import sys
import time
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
from sklearn.compose import make_column_selector, make_column_transformer
from sklearn.feature_selection import SelectKBest
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler


@dataclass(frozen=True)
class Given:
    """A case as a table, with the model that is inspected.

    Args:
        name: of the case.
        rows: features, `target`, and the roles' columns, by part.
        features: what the model sees.
        roles: columns of metadata: `group`, `environment`, `time`, `sensitive`.
        is_number: the target is a number.
        model: a fitted pipeline over the features.
    """

    name: str
    rows: dict[str, pd.DataFrame]
    features: list[str]
    roles: list[str]
    is_number: bool
    model: Any

    @property
    def categories(self):
        frame = self.rows["train"][self.features]
        return list(frame.columns[~frame.dtypes.map(pd.api.types.is_numeric_dtype)])


def pipeline(is_number, keep=0):
    """Make the linear model that every tool inspects, with a selection of columns if `keep`."""
    words = make_column_selector(dtype_exclude="number")
    numbers = make_column_selector(dtype_include="number")
    steps = make_column_transformer(
        (make_pipeline(SimpleImputer(strategy="median"), StandardScaler()), numbers),
        (OneHotEncoder(handle_unknown="ignore"), words),
    )
    chosen = [SelectKBest(k=keep)] if keep else []
    estimator = Ridge() if is_number else LogisticRegression(max_iter=500)
    return make_pipeline(steps, *chosen, estimator)


def read(folder):
    about = json.loads((folder / "about.json").read_text())
    features, table = about["features"], pd.read_csv(folder / "rows.csv")
    seen = table.pop("is_seen")
    parts = {name: rows.drop(columns="part") for name, rows in table.groupby("part")}
    parts = {name: rows.reset_index(drop=True) for name, rows in parts.items()}
    model, seen, train = pipeline(about["is_number"], about["keep"]), table[seen], parts["train"]
    steps = model[:-1].fit(seen[features], seen["target"])
    model[-1].fit(steps.transform(train[features]), train["target"])
    return Given(about["name"], parts, features, about["roles"], about["is_number"], model)


def run(check):
    """Let a peer check each case of a folder; argv: the folder and the file of results.

    Args:
        check: gives the names of what a peer reports about a case, most often its checks.
    """
    warnings.simplefilter("ignore")
    folder, out = map(Path, sys.argv[1:3])
    with out.open("w") as file:
        for each in sorted(folder.iterdir()):
            given = read(each)
            row = {"case": given.name}
            started = time.process_time()
            try:
                row["reported"] = sorted(set(check(given)))
            except Exception as error:  # a peer may break in its own ways: then nothing is judged
                row["error"] = f"{type(error).__name__}: {error}"[:200]
            row["seconds"] = time.process_time() - started
            file.write(json.dumps(row) + "\n")
            file.flush()

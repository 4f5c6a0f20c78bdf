import numpy as np
import pandas as pd
from cleanlab import Datalab
from given import pipeline, run
from sklearn.base import clone
from sklearn.model_selection import cross_val_predict

FOLDS = 5
# it lists rows and gives no verdict: the shares from which on ours do stand in, as `many`
MANY, FEW = 0.05, 0.005


def check(given):
    table = pd.concat([given.rows["train"], given.rows["test"]], ignore_index=True)
    x, y = table[given.features], table["target"].to_numpy()
    model = clone(pipeline(given.is_number))
    encoded = model[:-1].fit_transform(x)
    encoded = np.asarray(encoded.todense() if hasattr(encoded, "todense") else encoded)
    task = "regression" if given.is_number else "classification"
    lab = Datalab({"target": y}, label_name="target", task=task, verbosity=0)
    if given.is_number:
        lab.find_issues(features=encoded)
    else:
        told = cross_val_predict(model, x, y, cv=FOLDS, method="predict_proba")
        lab.find_issues(features=encoded, pred_probs=told)
    issues = lab.get_issues()
    for name in issues.columns[issues.columns.str.startswith("is_")]:
        kind = name.removeprefix("is_").removesuffix("_issue")
        if issues[name].any():
            yield kind
        if issues[name].mean() > MANY:
            yield f"many: {kind}"
    if "is_near_duplicate_issue" in issues:
        share = _across(lab, len(given.rows["train"]))
        if share > 0:
            yield "near_duplicate across splits"
        if share > FEW:
            yield "many: near_duplicate across splits"


def _across(lab, n):
    """Give the share of test rows (from n on) that nearly repeat a training row."""
    sets = lab.get_issues("near_duplicate")["near_duplicate_sets"][n:]
    return np.mean([any(other < n for other in others) for others in sets])


if __name__ == "__main__":
    run(check)

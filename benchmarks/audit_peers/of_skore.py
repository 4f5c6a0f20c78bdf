import pandas as pd
import skore
from given import run
from sklearn.base import clone
from sklearn.compose import make_column_transformer
from sklearn.pipeline import make_pipeline


def check(given):
    train, test = (given.rows[part].copy() for part in ("train", "test"))
    columns, model = list(given.features), clone(given.model)
    if "time" in given.roles:  # a column of the inputs that the model leaves out
        columns.append("time")
        chosen = make_column_transformer(("passthrough", given.features)).set_output(
            transform="pandas"
        )
        model = make_pipeline(chosen, model)
        for frame in (train, test):
            frame["time"] = pd.to_datetime(frame["time"], unit="D")
    report = skore.EstimatorReport(
        model,
        X_train=train[columns],
        y_train=train["target"],
        X_test=test[columns],
        y_test=test["target"],
    )
    found = report.checks.summarize()
    for section in ("issue", "tip"):
        yield from found.frame(section=section)["code"]


if __name__ == "__main__":
    run(check)

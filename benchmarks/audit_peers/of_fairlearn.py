from fairlearn.metrics import MetricFrame, false_positive_rate, true_positive_rate
from given import run
from sklearn.metrics import accuracy_score

MOST = 0.1  # the library gives numbers and no verdict; our limit of a gap stands in


def check(given):
    if given.is_number:
        return
    test = given.rows["test"]
    metrics = {"accuracy": accuracy_score}
    if test["target"].nunique() == 2:
        metrics |= {"tpr": true_positive_rate, "fpr": false_positive_rate}
    for role in ("sensitive", "environment"):
        if role in given.roles:
            frame = MetricFrame(
                metrics=metrics,
                y_true=test["target"],
                y_pred=given.model.predict(test[given.features]),
                sensitive_features=test[role],
            )
            if (frame.difference() > MOST).any():
                yield f"{role}: difference"


if __name__ == "__main__":
    run(check)

from aequitas.bias import Bias
from aequitas.fairness import Fairness
from aequitas.group import Group
from given import run

RATES = ("fpr", "fnr")  # those of equalized odds; the predicted rates differ without an error


def check(given):
    test = given.rows["test"]
    if given.is_number or test["target"].nunique() != 2:
        return
    for role in ("sensitive", "environment"):
        if role in given.roles:
            table = test[[role]].astype(str)
            table["score"] = given.model.predict(test[given.features])
            table["label_value"] = test["target"]
            groups, _ = Group().get_crosstabs(table, attr_cols=[role])
            bias = Bias().get_disparity_major_group(groups, table)
            fair = Fairness().get_group_value_fairness(bias)  # parity from 0.8 to 1.25
            if not fair[[f"{rate.upper()} Parity" for rate in RATES]].all(axis=None):
                yield f"{role}: parity"


if __name__ == "__main__":
    run(check)

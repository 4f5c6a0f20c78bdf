import giskard
from given import run


def check(given):
    test = given.rows["test"]
    roles = [role for role in ("environment", "sensitive") if role in given.roles]
    columns = [*given.features, *roles]
    told = given.model.predict if given.is_number else given.model.predict_proba
    model = giskard.Model(
        lambda frame: told(frame[given.features]),
        model_type="regression" if given.is_number else "classification",
        classification_labels=None if given.is_number else list(given.model.classes_),
        feature_names=columns,
    )
    data = giskard.Dataset(
        test[[*columns, "target"]],
        target="target",
        cat_columns=[*given.categories, *roles],
    )
    report = giskard.scan(model, data, verbose=False, raise_exceptions=False)
    for issue in report.issues:
        yield issue.group.name
        where = str(getattr(issue, "slicing_fn", "") or "")
        yield from (f"{role}: {issue.group.name}" for role in roles if role in where)


if __name__ == "__main__":
    run(check)

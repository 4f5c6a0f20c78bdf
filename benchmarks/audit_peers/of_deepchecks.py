import pandas as pd
from deepchecks.tabular import Dataset
from deepchecks.tabular.checks import ClassImbalance
from deepchecks.tabular.checks.model_evaluation import PerformanceBias
from deepchecks.tabular.suites import data_integrity, full_suite, train_test_validation
from given import run


def dataset(given, part, more=()):
    frame = given.rows[part].copy()
    if "time" in given.roles:
        frame["time"] = pd.to_datetime(frame["time"], unit="D")
    return Dataset(
        frame,
        label="target",
        features=[*given.features, *more],
        cat_features=[*given.categories, *more],
        index_name="group" if "group" in given.roles else None,
        datetime_name="time" if "time" in given.roles else None,
        label_type="regression" if given.is_number else None,
    )


def failed(results):
    """Name the checks of which a condition is not met, be it a failure or a warning."""
    for result in results:
        if any(
            condition.category.name in ("FAIL", "WARN") for condition in result.conditions_results
        ):
            yield result.check.name()


def check(given):
    train, test = dataset(given, "train"), dataset(given, "test")
    yield from failed(full_suite().run(train, test, given.model).get_not_passed_checks())
    if "production" in given.rows:
        suite = train_test_validation().run(train, dataset(given, "production"))
        yield from (f"production: {name}" for name in failed(suite.get_not_passed_checks()))
    if not given.is_number:
        yield from failed([ClassImbalance().add_condition_class_ratio_less_than().run(train)])
    known = [role for role in ("environment", "sensitive") if role in given.roles]
    if known:  # who says what they are would also let them be checked as columns
        suite = data_integrity().run(dataset(given, "train", known))
        yield from (f"with roles: {name}" for name in failed(suite.get_not_passed_checks()))
    for role in known:
        bias = PerformanceBias(protected_feature=role)
        bias.add_condition_bounded_performance_difference(lower_bound=-0.1)
        found = failed([bias.run(dataset(given, "test", known), given.model)])
        yield from (f"{role}: {name}" for name in found)


if __name__ == "__main__":
    run(check)

from evidently import DataDefinition, Dataset, Report
from evidently.presets import DataDriftPreset
from given import run


def dataset(given, part):
    roles = [role for role in ("environment", "sensitive") if role in given.roles]
    words = [*given.categories, *roles, *(() if given.is_number else ("target",))]
    columns = [*given.features, *roles, "target"]
    numbers = [name for name in columns if name not in words]
    frame = given.rows[part][columns].astype({name: str for name in words})
    definition = DataDefinition(numerical_columns=numbers, categorical_columns=words)
    return Dataset.from_pandas(frame, data_definition=definition)


def check(given):
    for part in ("test", "production"):
        if part in given.rows:
            report = Report([DataDriftPreset()], include_tests=True)
            found = report.run(dataset(given, part), dataset(given, "train"))
            for test in found.dict()["tests"]:
                if str(test["status"]).rpartition(".")[2] in ("FAIL", "WARNING"):
                    yield f"{part}: {_kind(test['name'])}"


def _kind(name):
    """Shorten the name of a test, such as `Value Drift for column target`."""
    if name.startswith("Value Drift"):
        return "target drift" if name.endswith("column target") else "column drift"
    return "share of drifted columns"


if __name__ == "__main__":
    run(check)

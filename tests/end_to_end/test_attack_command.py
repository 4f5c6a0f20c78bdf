"""`roadworthy attack`, as a person would use it."""

import json

import numpy as np
import pytest

WORDS = ["--attack", "fgsm,pgd,square", "--set", "square.queries=50", "--rows", 40, "--eps", 0.1]


@pytest.fixture
def attacked(command, tmp_path):
    done = command("attack", *WORDS, "--out", "adv.npz", "--report", "report")
    return (*done, tmp_path)


def test_it_says_what_was_found_and_writes_it(attacked):
    code, out, err, folder = attacked
    assert code == 0, err
    assert "At most" in out
    for name in ("fgsm", "pgd", "square"):
        assert name in out
    with np.load(folder / "adv.npz", allow_pickle=False) as found:
        moved = np.abs(found["x"] - found["x_original"]).reshape(40, -1).max(1)
        is_hit = found["success"] & (found["distance"] > 0)
        assert (moved <= 0.1 * (1 + 1e-5)).all()
        assert np.allclose(moved[is_hit], found["distance"][is_hit])
        assert (moved[~found["success"]] == 0).all()
        assert set(found["attack"]) <= {"", "fgsm", "pgd", "square"}
        assert len(found["row"]) == len(set(found["row"])) == 40


def test_the_report_holds_the_curve_and_no_rows_unless_asked(attacked, command):
    _, _, _, folder = attacked
    report = json.loads((folder / "report" / "report.json").read_text())
    (finding,) = report["findings"]
    assert finding["figures"]
    assert not any(example["pictures"] for example in finding["examples"])
    assert "--attack fgsm,pgd,square" in report["judged"]["command"]
    command("attack", "--rows", 20, "--eps", 0.2, "--report", "open", "--include-rows")
    opened = json.loads((folder / "open" / "report.json").read_text())
    assert opened["findings"][0]["examples"][0]["pictures"]


def test_a_later_attack_sees_only_what_is_left(attacked):
    table = json.loads((attacked[3] / "report" / "report.json").read_text())["findings"][0][
        "tables"
    ]
    seen = [row[1] for row in table[0]["rows"]]
    assert seen[0] == 40
    assert seen[0] > seen[1] > seen[2]


def test_the_same_command_reuses_finished_attacks(attacked, command):
    _, again, _ = command("attack", *WORDS)
    assert again == attacked[1]  # the times too: they are those of the first run


def test_a_table_is_attacked_in_standard_deviations(command, tmp_path):
    code, out, err = command("attack", "wine", "--eps", 0.5, "--rows", 30, "--out", "wine.npz")
    assert code == 0, err
    assert "within linf 0.5" in " ".join(out.split())


def test_a_target_is_reached(command, tmp_path):
    words = ["--attack", "ddn", "--targeted", "next", "--rows", 20, "--out", "adv.npz", "--json"]
    code, out, err = command("attack", *words)
    assert code == 0, err
    assert json.loads(out)["check"] == "attack"
    with np.load(tmp_path / "adv.npz", allow_pickle=False) as found:
        assert found["success"].mean() > 0.9


def test_detectors_are_tried_on_what_was_found_and_attacked_with_the_model(command, tmp_path):
    words = ["--attack", "pgd", "--eps", 0.1, "--rows", 40, "--report", "report"]
    words += [
        "--detector",
        "squeezing-detector,mahalanobis",
        "--set",
        "squeezing-detector.window=1",
    ]
    code, out, err = command("attack", *words)
    assert code == 0, err
    report = json.loads((tmp_path / "report" / "report.json").read_text())
    (finding,) = report["findings"]
    measures = {measure["name"]: measure for measure in finding["measures"]}
    for name in ("squeezing-detector", "mahalanobis-detector"):
        assert f"{name} detects" in " ".join(out.split())
        knowing = measures[f"{name}: detected, made knowing of it, at most"]
        assert (
            knowing["value"] <= measures[f"{name}: detected, made without knowing of it"]["value"]
        )
    assert [series["name"] for series in finding["figures"][-1]["series"]] == [
        "squeezing-detector",
        "mahalanobis-detector",
    ]
    assert "--detector squeezing-detector,mahalanobis" in report["judged"]["command"]
    assert command("attack", *words)[1] == out


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--attack", "nope"], "there is no 'nope' among the attacks"),
        (["--attack", ""], "name at least one attack"),
        (["--norm", "l7"], "not l7"),
        (["--eps", "-1"], "eps must be"),
        (["--set", "foo=1"], "its fields: steps"),
        (["--set", "steps"], "--set takes"),
        (["--set", "steps=many"], "is a int"),
        (["--set", "square.queries=3"], "--set takes"),
        (["--targeted", "zebra"], "--targeted takes"),
        (["--rows", "0"], "--rows takes"),
        (["--queries", "1"], "needs at least"),
        (["--out", "adv.png"], ".npz file"),
        (["random-forest", "wine"], "offers no gradients"),
        (["ridge", "diabetes"], "a regression has none"),
        (["--detector", "nope"], "there is no 'nope' among the detectors"),
        (["--detector", "mahalanobis", "--set", "squeezing-detector.bits=1"], "one that is named"),
        (["logreg", "wine", "--detector", "squeezing-detector"], "watches image inputs"),
        (
            [
                "random-forest",
                "wine",
                "--attack",
                "square",
                "--rows",
                "3",
                "--detector",
                "mahalanobis",
            ],
            "needs embeddings",
        ),
    ],
)
def test_a_wrong_option_is_answered_by_a_sentence(words, says, command):
    code, _, err = command("attack", *words)
    assert code == 2
    assert says in " ".join(err.split())
    assert "Traceback" not in err


def test_a_fixed_column_of_a_table_stays_as_it_is(command, tmp_path):
    words = ["logreg", "wine", "--attack", "capgd", "--rows", 30, "--eps", 6]
    code, _, err = command("attack", *words, "--immutable", "proline", "--out", "adv.npz")
    assert code == 0, err
    with np.load(tmp_path / "adv.npz", allow_pickle=False) as found:
        moved = found["x"] != found["x_original"]
    assert moved.any()
    assert not moved[:, -1].any()
    code, _, err = command("attack", *words, "--immutable", "color")
    assert code == 2
    assert "'color'" in err

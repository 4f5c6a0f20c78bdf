import numpy as np
import pytest
import torch
from scipy import stats

from roadworthy.checks.causes.intervention_forecast import InterventionForecast
from roadworthy.core.dataset import Roles, Task
from roadworthy.core.errors import InputError, NotAssessed
from roadworthy.core.finding import Verdict
from tests.datasets import blobs, judge, table
from tests.models import LinearModel

GRAPH = "age -> dose; age -> target; dose -> level -> target"
NAMES = ("age", "dose", "level")


def ward(n=4000, seed=0, kind="number", share=0.5, older=0.0):
    """Doctors give the old more; in the trial the dose is set by a coin, and patients differ."""
    generator = np.random.default_rng(seed)
    is_trial = generator.random(n) < share
    age = generator.normal(size=n) + older * is_trial
    dose = np.where(is_trial, generator.choice([-1.0, 1.0], n), age + generator.normal(size=n))
    if kind == "two values":
        dose = (dose > 0).astype(float)
    level = dose + generator.normal(size=n)
    y = level - 2 * age + generator.normal(size=n)
    return table(
        np.c_[age, dose, level],
        y > 0 if kind == "two classes" else y,
        np.arange(n) % 3 == 0,
        columns={"source": np.where(is_trial, "trial", "ward")},
        roles=Roles(environment="source"),
        names=NAMES,
        task=Task.NOMINAL if kind == "two classes" else Task.REGRESSION,
    )


def judged(graph=GRAPH, weights=(-2.0, 0.0, 1.0), data=None, **more):
    data = data or ward(**more)
    model = None
    if not data.classes:
        model = LinearModel(torch.tensor([weights]).T, torch.zeros(1), (3,), Task.REGRESSION)
    check = InterventionForecast(graph=graph, treatment="dose", experiment="trial")
    return judge(check, data, model)


@pytest.mark.parametrize("kind", ["number", "two values", "two classes"])
def test_the_right_graph_passes(kind):
    of_graph, of_model = judged(kind=kind)
    assert of_graph.verdict is Verdict.PASS
    assert of_model.verdict is Verdict.PASS
    assert not of_graph.alarms
    assert [gap.unit for gap in of_graph.measures] == 2 * ["share" if "class" in kind else ""]


def test_it_passes_where_patients_of_the_experiment_are_others():
    assert judged(older=1.0)[0].verdict is Verdict.PASS


@pytest.mark.parametrize(
    "graph",
    [
        "dose -> target; age",  # the common cause is missing
        "age -> dose; age -> target; target -> level -> dose",  # turned round
    ],
)
def test_a_wrong_graph_is_found(graph):
    assert judged(graph)[0].verdict is Verdict.FAIL


def test_a_graph_that_turns_an_arrow_at_the_treatment_does_not_pass():
    (finding, _) = judged("age -> dose; age -> target; level -> target; level -> dose")
    assert finding.verdict is Verdict.WARN
    assert [alarm.name for alarm in finding.alarms] == ["tied-to-what-was-set"]
    assert "does not act on 'level'" in finding.alarms[0].text


def test_a_wrong_graph_is_found_with_two_classes():
    assert judged("dose -> target", kind="two classes")[0].verdict is Verdict.FAIL


def test_a_model_that_goes_by_the_old_habit_is_found():
    """On the ward the target falls with the dose, for the old get more; in the trial it rises."""
    of_graph, of_model = judged(weights=(-1.0, 0.0, 0.0))
    assert of_graph.verdict is Verdict.PASS
    assert of_model.verdict is Verdict.FAIL
    low, high = of_model.measures
    assert low.value < 0 < high.value


def test_the_effect_of_a_placebo_is_none_and_the_others_agree():
    (finding, _) = judged(n=1000)
    placebo, *others = finding.tables[2].rows
    assert placebo[0] == "placebo treatment"
    assert placebo[2] == 0.0
    for _, effect, expected, moved in others:
        assert effect == pytest.approx(expected, abs=0.05)
        assert abs(moved) < 1


def test_doses_that_nobody_ever_got_raise_an_alarm():
    data = ward()
    for split in data.splits:
        is_trial = torch.from_numpy(split.columns["source"] == "trial")
        split.x[is_trial, 1] = 9.0
    (finding, _) = judged(data=data)
    assert "beyond-what-was-learned" in [alarm.name for alarm in finding.alarms]


@pytest.mark.slow
def test_its_intervals_hold_at_their_rate():
    """Both differences of an experiment are 0 in 95 of 100; 30 experiments, 1 in 200 by chance.

    The rows are few, so that what was learned is as uncertain as what happened.
    """
    held = 0
    for seed in range(30):
        (finding, _) = judged(n=400, seed=seed)
        held += all(gap.low <= 0 <= gap.high for gap in finding.measures)
    assert held >= stats.binom.ppf(0.005, 30, 0.95)


@pytest.mark.parametrize(
    ("share", "why"),
    [(0.03, "20 labelled rows of the experiment"), (0.97, "50 labelled rows from outside")],
)
def test_few_rows_are_not_judged(share, why):
    (finding,) = judged(n=300, share=share)
    assert finding.verdict is Verdict.NOT_ASSESSED
    assert why in finding.reason


def test_an_experiment_without_test_rows_says_nothing_of_the_answers():
    (of_graph, of_model) = judged(n=600, share=0.15)
    assert of_graph.verdict is not Verdict.NOT_ASSESSED
    assert of_model.verdict is Verdict.NOT_ASSESSED
    assert "test rows" in of_model.reason


def test_without_an_experiment_it_says_what_to_declare():
    with pytest.raises(NotAssessed, match="graph, treatment and experiment"):
        judge(InterventionForecast(), blobs())
    check = InterventionForecast(graph="dose -> target", treatment="dose", experiment="trial")
    with pytest.raises(NotAssessed, match="--environment"):
        judge(check, blobs(columns=2, names=("dose", "age")))


def test_what_acts_on_the_target_must_be_recorded():
    with pytest.raises(NotAssessed, match="'wealth' acts on the target"):
        judged("wealth -> dose; wealth -> target; dose -> target")
    found = judged("wealth -> dose; age -> dose; age -> target; dose -> level -> target", n=600)
    assert found[0].verdict is not Verdict.NOT_ASSESSED, "what acts on the dose alone is cut off"


def test_names_that_are_not_there_are_refused():
    for graph, treatment, experiment, what in (
        (GRAPH, "does", "trial", "no column"),
        ("age -> dose", "dose", "trial", "does not name 'target'"),
        (GRAPH, "dose", "trail", "no row has in column 'source'"),
    ):
        check = InterventionForecast(graph=graph, treatment=treatment, experiment=experiment)
        with pytest.raises(InputError, match=what):
            judge(check, ward(n=60), LinearModel(torch.ones(3, 1), torch.zeros(1), (3,)))

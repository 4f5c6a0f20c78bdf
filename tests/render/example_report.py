"""A report by hand: every verdict, every kind of evidence, and names that try to break a page."""

from roadworthy.core.estimates import Measure, count, exact_proportion, proportion
from roadworthy.core.finding import (
    Alarm,
    Examples,
    Figure,
    Finding,
    Mute,
    Picture,
    Remedy,
    Series,
    Table,
    Threshold,
    Verdict,
)
from roadworthy.core.report import SCHEMA, Inspected, Judged, Report, Times

BOOTSTRAP = "bootstrap 95 %"
SCRIPT = "</script><img src=x onerror=alert(1)>"
HOSTILE = f"{SCRIPT} ]]> | a\x00b \x1b[31m 🚗 [bold]x[/bold] `rm` $5$ {{{{7*7}}}} {{0}} [a](b) https://e.vil"

PICTURE = Picture(
    "row 17 of test: written as 3, read as 8",
    8,
    8,
    1,
    bytes((x * y * 4) % 256 for y in range(8) for x in range(8)),
)
COLORS = Picture(
    f"row 4 {SCRIPT}",
    6,
    4,
    3,
    bytes(v for y in range(4) for x in range(6) for v in (x * 40, y * 60, 90)),
)


def line_figure() -> Figure:
    eps = (0.0, 0.01, 0.02, 0.04, 0.08, 0.16)
    pgd = (0.962, 0.88, 0.71, 0.34, 0.08, 0.0)
    noise = (0.962, 0.96, 0.957, 0.949, 0.93, 0.89)
    return Figure(
        kind="line",
        title="Accuracy as the attacker's budget grows",
        text="Accuracy falls from 96% to 8% at a budget of 0.08, against 93% under random noise.",
        x_label="budget (L∞, pixel range 0 to 1)",
        y_label="accuracy",
        series=(
            Series(
                "projected gradient descent",
                eps,
                pgd,
                tuple(max(0.0, p - 0.03) for p in pgd),
                tuple(p + 0.03 for p in pgd),
            ),
            Series(
                "random noise",
                eps,
                noise,
                tuple(p - 0.02 for p in noise),
                tuple(p + 0.02 for p in noise),
            ),
        ),
        marks=((0.03, "judged here"),),
        y_range=(0.0, 1.0),
    )


def step_figure() -> Figure:
    x = tuple(k / 20 for k in range(21))
    return Figure(
        kind="step",
        title="Attack on membership",
        text="True positives of the attack by false positives.",
        x_label="false positives",
        y_label="true positives",
        series=(
            Series(
                "loss threshold",
                x,
                tuple(v**0.6 for v in x),
                tuple(v**0.6 * 0.9 for v in x),
                tuple(min(1.0, v**0.6 * 1.1) for v in x),
            ),
        ),
        diagonal=True,
        y_range=(0.0, 1.0),
    )


def points_figure() -> Figure:
    x = (0.05, 0.15, 0.35, 0.55, 0.75, 0.95)
    y = (0.1, 0.11, 0.28, 0.44, 0.58, 0.79)
    return Figure(
        kind="points",
        title="Confidence against accuracy",
        text="Above a confidence of 30% the model is right less often than it says.",
        x_label="confidence",
        y_label="share right",
        series=(Series("ten bins", x, y, tuple(v - 0.05 for v in y), tuple(v + 0.05 for v in y)),),
        diagonal=True,
    )


def log_figure() -> Figure:
    rows = (50.0, 100.0, 200.0, 400.0, 800.0, 1600.0)
    return Figure(
        kind="line",
        title="Learning curve",
        text="Accuracy still grows with the number of rows.",
        x_label="training rows",
        y_label="accuracy",
        series=(Series("accuracy", rows, (0.61, 0.7, 0.79, 0.86, 0.91, 0.94)),),
        x_scale="log",
        marks=((1437.0, "now"),),
    )


def bar_figure(categories: int) -> Figure:
    names = tuple(f"class {k}" for k in range(categories))
    recall = tuple(0.55 + 0.4 * ((k * 37) % 100) / 100 for k in range(categories))
    return Figure(
        kind="bar",
        title=f"Accuracy by class ({categories})",
        text="Accuracy by class; the lowest is 55.0% for class 0.",
        x_label="class",
        y_label="accuracy",
        series=(
            Series(
                "accuracy",
                names,
                recall,
                tuple(r - 0.04 for r in recall),
                tuple(r + 0.04 for r in recall),
            ),
        ),
        y_range=(0.0, 1.0),
    )


def grouped_figure() -> Figure:
    names = ("A", "B", f"C {HOSTILE}", "_D")
    return Figure(
        kind="bar",
        title=f"Errors by group {HOSTILE}",
        text=f"False positives and false negatives by group {HOSTILE}",
        x_label="group $x_",
        y_label="share $\\frac",
        series=(
            Series("_false positives", names, (0.1, 0.12, 0.3, 0.08)),
            Series(HOSTILE, names, (0.05, 0.2, 0.11, 0.09)),
        ),
        marks=((1.0, HOSTILE),),
    )


FIGURES = {
    "line": line_figure(),
    "step": step_figure(),
    "points": points_figure(),
    "log": log_figure(),
    "bar": bar_figure(10),
    "many bars": bar_figure(100),
    "grouped": grouped_figure(),
}


def _performance() -> tuple[Finding, ...]:
    gain = Measure(
        "gain over the most frequent class", 0.858, 0.824, 0.889, 360, "share", BOOTSTRAP
    )
    return (
        Finding(
            code="RW-PERF-001",
            scope="",
            area="performance",
            check="accuracy",
            title="Accuracy beyond a guess",
            verdict=Verdict.PASS,
            claim="The model is right on 96.1% of 360 test rows; always saying 3, on 10.3%.",
            estimate=gain,
            threshold=Threshold("min_gain", 0.0, "above", "default: beat a constant guess"),
            measures=(
                proportion("accuracy", 346, 360),
                proportion("always the most frequent class", 37, 360),
            ),
            figures=(FIGURES["bar"],),
            references=("doi:10.1162/089976698300017197",),
        ),
        Finding(
            code="RW-CAL-001",
            scope="",
            area="performance",
            check="calibration",
            title="Calibration",
            verdict=Verdict.WARN,
            claim="The model's confidence is off by 4.6 points on average.",
            estimate=Measure(
                "expected calibration error", 0.046, 0.031, 0.063, 360, "share", BOOTSTRAP
            ),
            threshold=Threshold("max_error", 0.05, "below", "policy file"),
            figures=(FIGURES["points"],),
            remedies=(Remedy("Scale the logits by a temperature."),),
            references=("arxiv:1706.04599",),
        ),
        Finding(
            code="RW-PERF-004",
            scope="",
            area="performance",
            check="learning-curve",
            title="Learning curve",
            verdict=Verdict.PASS,
            claim="Doubling the rows would still gain 2.1 points of accuracy.",
            estimate=Measure("gain from doubling", 0.021, 0.012, 0.03, 1437, "share", BOOTSTRAP),
            figures=(FIGURES["log"],),
        ),
    )


def _robustness() -> tuple[Finding, ...]:
    threshold = Threshold(
        "min_robust_accuracy",
        0.5,
        "above",
        "default: better than a coin",
    )
    return (
        Finding(
            code="RW-ROB-001",
            scope="linf",
            area="robustness",
            check="robust-accuracy",
            title="Robust accuracy (linf)",
            verdict=Verdict.FAIL,
            claim="Changing each pixel by at most 0.03 leaves 51 of 120 rows right (42.5%).",
            estimate=exact_proportion("robust accuracy", 51, 120),
            threshold=threshold,
            measures=(
                proportion("accuracy without attack", 115, 120),
                Measure("median distance to an error", 0.0268, 0.0241, 0.0302, 120, "", BOOTSTRAP),
                count("passes per row", 1240.5, 120),
            ),
            figures=(FIGURES["line"],),
            tables=(
                Table(
                    "Rows by why the attack ended",
                    ("reason", "rows", "share"),
                    (
                        ("success", 64, 0.533),
                        ("budget spent", 51, 0.425),
                        ("already wrong", 5, None),
                    ),
                ),
            ),
            examples=(
                Examples(
                    "Rows that fall first",
                    (("test", 17), ("test", 4), ("test", 211)),
                    ("at 0.004", "at 0.006", f"at 0.007 {SCRIPT}"),
                    (PICTURE, COLORS),
                    None,
                    64,
                ),
            ),
            remedies=(
                Remedy("Train on attacked rows; expect to lose some accuracy on clean ones."),
                Remedy(
                    "Look again with more steps before relying on the number.",
                    "roadworthy inspect digits-cnn digits --budget thorough",
                ),
            ),
            references=("arxiv:1706.06083", "arxiv:2003.01690"),
        ),
        Finding(
            code="RW-ROB-001",
            scope="l2",
            area="robustness",
            check="robust-accuracy",
            title="Robust accuracy (l2)",
            verdict=Verdict.PASS,
            claim="An attack within an L2 ball of 0.25 leaves 98 of 120 rows right (81.7%).",
            estimate=exact_proportion("robust accuracy", 98, 120),
            threshold=threshold,
            alarms=(
                Alarm(
                    "zero-gradients",
                    "On 38% of the rows every gradient was zero: the true number is lower.",
                ),
            ),
            references=("arxiv:1802.00420",),
        ),
        Finding(
            code="RW-ROB-007",
            scope="",
            area="robustness",
            check="certified",
            title="Certified radius",
            verdict=Verdict.NOT_ASSESSED,
            claim="This was not assessed; it is not a pass.",
            reason="the model has no smoothing guard: wrap it before asking for a certificate",
        ),
        Finding(
            code="RW-ROB-009",
            scope="",
            area="robustness",
            check="transfer",
            title="Transferred attacks",
            verdict=Verdict.ERROR,
            claim="This could not be judged because something it needs failed; it is not a pass.",
            reason="surrogate model: ValueError: logits hold NaN after step 3",
        ),
    )


def _methodology() -> tuple[Finding, ...]:
    return (
        Finding(
            code="RW-LEAK-004",
            scope="",
            area="methodology",
            check="near-duplicates",
            title="Near-duplicates across splits",
            verdict=Verdict.FAIL,
            claim="23 of 360 test rows (6.4%) have a near-duplicate in the training split.",
            estimate=proportion("test rows with a near-duplicate", 23, 360),
            threshold=Threshold(
                "max_share", 0.01, "below", "default: more would move the accuracy"
            ),
            examples=(
                Examples(
                    "Test rows with a near-duplicate",
                    tuple(("test", 3 * k) for k in range(120)),
                    total=230,
                ),
            ),
            remedies=(
                Remedy(
                    "Leave the rows out and inspect again.",
                    "roadworthy inspect digits-cnn digits --without DIR/rows/RW-LEAK-004.csv",
                ),
            ),
            references=("doi:10.1016/j.patter.2023.100804", "Barz, Denzler 2020, ciFAIR"),
        ),
        Finding(
            code="RW-LEAK-001",
            scope="",
            area="methodology",
            check="group-overlap",
            title="Groups on both sides of a split",
            verdict=Verdict.NOT_ASSESSED,
            claim="This was not assessed; it is not a pass.",
            reason="no group column given: pass --group",
        ),
        Finding(
            code="RW-LEAK-009",
            scope="",
            area="methodology",
            check="shortcut",
            title="A shortcut in the border",
            verdict=Verdict.WARN,
            claim="A model that sees the outermost pixels alone is right on 31.2% of the rows.",
            estimate=Measure("gain from the border", 0.21, 0.16, 0.26, 360, "share", BOOTSTRAP),
            threshold=Threshold("max_gain", 0.2, "below", "default: a border holds little"),
            muted=Mute("RW-LEAK-009", "The crop is part of the camera.", "2027-01-31"),
        ),
    )


def _others() -> tuple[Finding, ...]:
    return (
        Finding(
            code="RW-BIAS-002",
            scope=HOSTILE,
            area="bias",
            check="equalized-odds",
            title=f"Equalized odds {HOSTILE}",
            verdict=Verdict.WARN,
            claim=f"Group {HOSTILE} is refused 7 points more often.",
            estimate=Measure(f"gap {HOSTILE}", 0.07, -0.01, 0.15, 212, "share", "Newcombe 95 %"),
            threshold=Threshold("max_gap", 0.1, "below", f"policy {HOSTILE}"),
            figures=(FIGURES["grouped"],),
            tables=(
                Table(
                    f"Groups {HOSTILE}", ("group", f"rows {HOSTILE}"), ((HOSTILE, 3), ("b", None))
                ),
            ),
            remedies=(Remedy(HOSTILE, f"roadworthy inspect {HOSTILE}"),),
            alarms=(Alarm(HOSTILE, HOSTILE),),
            references=(HOSTILE, f"doi:10.1/{SCRIPT}"),
        ),
        Finding(
            code="RW-BIAS-005",
            scope="",
            area="bias",
            check="class-accuracy",
            title="Accuracy by class",
            verdict=Verdict.PASS,
            claim="No class falls more than 30 points behind the mean.",
            estimate=Measure("largest gap", 0.21, 0.17, 0.25, 10_000, "share", BOOTSTRAP),
            threshold=Threshold("max_gap", 0.3, "below", "default: a third"),
            figures=(bar_figure(24),),
        ),
        Finding(
            code="RW-PRIV-001",
            scope="",
            area="privacy",
            check="membership",
            title="Membership inference",
            verdict=Verdict.PASS,
            claim="An attacker tells training rows from others with an advantage of 2.1 points.",
            estimate=Measure("advantage", 0.021, 0.004, 0.042, 720, "share", BOOTSTRAP),
            threshold=Threshold("max_advantage", 0.1, "below", "default: see the reference page"),
            figures=(FIGURES["step"],),
            references=("arxiv:1709.01604",),
        ),
        Finding(
            code="RW-RES-001",
            scope="",
            area="resources",
            check="latency",
            title="Latency of one row",
            verdict=Verdict.PASS,
            claim="One row takes 1.84 ms at the median.",
            estimate=Measure("median latency", 0.00184, 0.00179, 0.00193, 200, "s", BOOTSTRAP),
            threshold=Threshold("max_latency", 0.1, "below", "default: people notice 0.1 s"),
            measures=(
                count("size of the weights", 431_080, 1, "bytes"),
                count("parameters", 107_770, 1),
            ),
        ),
    )


def example_report(findings: tuple[Finding, ...] | None = None, gate: str = "fail") -> Report:
    """Give the report; with other findings or another gate where a test asks for them."""
    everything = (*_performance(), *_robustness(), *_methodology(), *_others())
    return Report(
        schema=SCHEMA,
        inspected=Inspected(
            model="digits-cnn",
            model_hash="3f0c" * 16,
            dataset="digits",
            dataset_hash="a91e" * 16,
            task="nominal",
            offers=("gradients", "labels", "scores"),
            input_shape=(1, 8, 8),
            classes=tuple("0123456789"),
            splits={"train": 1437, "test": 360},
            origin="random, stratified by class, seed 0",
            notes=("pixel values were scaled from 0..16 to 0..1", f"a note {HOSTILE}"),
        ),
        judged=Judged(
            policy="roadworthy.toml",
            policy_hash="77b2" * 16,
            gate=gate,
            seed=0,
            budget="standard",
            version="0.1.0",
            code_hash="c0de" * 16,
            command="roadworthy inspect digits-cnn digits --budget standard --seed 0",
        ),
        findings=everything if findings is None else findings,
        times=Times(
            started="2026-03-01T09:30:00+00:00",
            seconds=48.25,
            artifacts={"predictions(test)": 0.42, "adversarial(pgd, linf)": 31.7},
            machine={"device": "cpu, 2 cores", "python": "3.12.4", "torch": "2.13.0"},
        ),
    )

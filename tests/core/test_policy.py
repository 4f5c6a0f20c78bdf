from dataclasses import dataclass
from datetime import date

import pytest

from roadworthy.core.card import Card
from roadworthy.core.check import Check, limit
from roadworthy.core.errors import InputError
from roadworthy.core.finding import Finding, Mute, Verdict
from roadworthy.core.policy import Policy, exit_code, read_policy
from roadworthy.core.registry import Registry


@dataclass(frozen=True)
class Speed(Check):
    max_speed: float = limit(50.0, "below", "a rule of the road")

    card = Card("speed", "Speed", aliases=("Velocity",))
    code, area = "RW-CAR-001", "driving"

    def needs(self, subject): ...
    def judge(self, subject, get): ...


@dataclass(frozen=True)
class Brakes(Check):
    card = Card("brakes", "Brakes")
    code, area = "RW-CAR-002", "safety"

    def needs(self, subject): ...
    def judge(self, subject, get): ...


CHECKS = Registry("checks", Speed, Brakes)


def read(folder, text):
    path = folder / "roadworthy.toml"
    path.write_text(text, encoding="utf-8")
    return read_policy(path, CHECKS)


def finding(verdict=Verdict.FAIL, scope="", muted=None):
    claim = "It does."
    code = "RW-CAR-001"
    return Finding(code, scope, "driving", "speed", "Speed", verdict, claim, muted=muted)


def test_an_empty_file_is_the_default_policy(tmp_path):
    assert read(tmp_path, "") == Policy(source="roadworthy.toml")


def test_everything_in_a_file_is_read(tmp_path):
    policy = read(
        tmp_path,
        """
        gate = "warn"
        only = ["driving"]
        skip = ["brakes"]
        [checks.speed]
        max_speed = 30
        [[mute]]
        code = "RW-CAR-001"
        reason = "the road is closed"
        until = 2027-01-31
        """,
    )
    mutes = (Mute("RW-CAR-001", "the road is closed", "2027-01-31"),)
    settings = {"speed": {"max_speed": 30}}
    assert policy == Policy("warn", ("driving",), ("brakes",), settings, mutes, "roadworthy.toml")


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("gate = ", "roadworthy.toml is not a TOML file"),
        ('gates = "fail"', "unknown keys gates"),
        ('gate = "maybe"', "gate must be one of fail, warn, none, not 'maybe'"),
        ('only = "speed"', "only must be a list of names in quotes"),
        ("skip = [1]", "skip must be a list of names in quotes"),
        ('only = ["sped"]', "no 'sped' among the checks: did you mean speed"),
        ('only = ["parking"]', "areas are driving, safety"),
        ("checks = 3", r"under a heading such as \[checks.calibration\]"),
        ("[checks]\nspeed = 3", r"under a heading such as \[checks.calibration\]"),
        ("[checks.sped]\nmax_speed = 3", "did you mean speed"),
        ("[checks.driving]\nmax_speed = 3", "no 'driving' among the checks"),
        ("[checks.speed]\nspeed = 3", "check speed has no setting 'speed'; it has max_speed"),
        ("[checks.brakes]\nx = 3", "check brakes has no setting 'x'; it has nothing"),
        ('[checks.speed]\nmax_speed = "3"', "max_speed of check speed must be a number"),
        ("[checks.speed]\nmax_speed = true", "max_speed of check speed must be a number"),
        ("[checks.speed]\nmax_speed = nan", "max_speed of check speed must be a number"),
        ("[checks.speed]\nmax_speed = inf", "max_speed of check speed must be a number"),
        ("mute = 3", r"under the heading \[\[mute\]\]"),
        ('[[mute]]\ncode = "RW-CAR-001"', "needs a code, a reason and an until date"),
        (
            '[[mute]]\ncode = "RW-CAR-001"\nreason = " "\nuntil = 2027-01-31',
            "needs a code, a reason and an until date",
        ),
        (
            '[[mute]]\ncode = "RW-CAR-001"\nreason = "x"\nuntil = "soon"',
            "until must be a date such as 2027-01-31, not 'soon'",
        ),
    ],
)
def test_what_is_wrong_in_a_file_is_said_in_a_sentence(tmp_path, text, sentence):
    with pytest.raises(InputError, match=sentence):
        read(tmp_path, text)


def test_bytes_that_are_no_text_are_said_to_be_no_toml(tmp_path):
    path = tmp_path / "roadworthy.toml"
    path.write_bytes(b"\xff\xfe")
    with pytest.raises(InputError, match="not a TOML file"):
        read_policy(path, CHECKS)


def test_a_missing_file_says_how_to_write_one(tmp_path):
    with pytest.raises(InputError, match="write one with: roadworthy init"):
        read_policy(tmp_path / "none.toml", CHECKS)


@pytest.mark.parametrize(
    "name", ["driving", "Driving", "speed", "SPEED", "velocity", "Velocity", "RW-CAR-001"]
)
def test_checks_are_chosen_by_area_name_alias_or_code_in_any_case(name):
    assert Policy(only=(name,)).choose(CHECKS) == (Speed(),)
    assert Policy(skip=(name,)).choose(CHECKS) == (Brakes(),)


def test_all_checks_are_chosen_by_default():
    assert Policy().choose(CHECKS) == (Speed(), Brakes())


def test_skipping_wins_over_choosing():
    assert Policy(only=("driving", "brakes"), skip=("speed",)).choose(CHECKS) == (Brakes(),)


@pytest.mark.parametrize("name", ["speed", "Speed", "velocity"])
def test_settings_reach_the_check_by_any_of_its_names(name):
    (check,) = Policy(only=("speed",), settings={name: {"max_speed": 30}}).choose(CHECKS)
    assert check.max_speed == 30
    assert check.threshold("max_speed").source == "policy file"


def test_an_unchanged_limit_says_its_own_source():
    assert Speed().threshold("max_speed").source == "default: a rule of the road"


def test_a_mute_holds_until_its_day_is_over():
    policy = Policy(mutes=(Mute("RW-CAR-001", "known", "2027-01-31"),))
    assert policy.mute(finding(), date(2027, 1, 31)).muted is not None
    assert policy.mute(finding(), date(2027, 2, 1)).muted is None


def test_a_mute_of_a_code_covers_every_scope_and_one_of_a_scope_only_that():
    whole = Policy(mutes=(Mute("RW-CAR-001", "known", "2027-01-31"),))
    part = Policy(mutes=(Mute("RW-CAR-001:town", "known", "2027-01-31"),))
    today = date(2027, 1, 1)
    assert whole.mute(finding(scope="town"), today).muted
    assert part.mute(finding(scope="town"), today).muted
    assert not part.mute(finding(scope="motorway"), today).muted


@pytest.mark.parametrize(
    ("verdict", "gate", "strict", "code"),
    [
        ("pass", "warn", True, 0),
        ("warn", "fail", False, 0),
        ("warn", "warn", False, 1),
        ("fail", "fail", False, 1),
        ("fail", "none", False, 0),
        ("error", "fail", False, 1),
        ("not_assessed", "warn", False, 0),
        ("not_assessed", "warn", True, 3),
        ("error", "none", True, 3),
        ("fail", "fail", True, 1),
    ],
)
def test_the_exit_code_follows_from_verdict_gate_and_strictness(verdict, gate, strict, code):
    assert exit_code((finding(Verdict.PASS), finding(Verdict(verdict))), gate, strict) == code


def test_a_muted_finding_is_not_heard_at_the_gate():
    muted = finding(muted=Mute("RW-CAR-001", "known", "2027-01-31"))
    assert exit_code((muted,), "fail", strict=True) == 0


def test_declared_answers_are_read_and_change_no_verdict(tmp_path):
    policy = read(tmp_path, '[declared]\n"CLAIM:8" = "All adults."')
    assert [answer.item for answer in policy.declared] == ["CLAIM:8"]
    assert policy.fingerprint(CHECKS) == read(tmp_path, "").fingerprint(CHECKS)

import ast
from pathlib import Path

from benchmarks.audit_peers.claims import CLAIMS, OURS, claimed, found_by
from benchmarks.audit_peers.scores import score
from benchmarks.planted_flaws.flaws import FLAWS
from benchmarks.planted_flaws.real import REAL
from roadworthy.checks import CHECKS

FOLDER = Path(__file__).parents[2] / "benchmarks" / "audit_peers"
KNOWN = {flaw.name for flaw in FLAWS} | {name for _, _, names in REAL.values() for name in names}


def test_every_claim_is_about_a_flaw_that_is_planted_or_known():
    for claims in (OURS, *CLAIMS.values()):
        assert set(claims) <= KNOWN


def test_every_flaw_is_ours_to_find():
    assert set(OURS) == KNOWN


def test_our_claims_name_checks_that_there_are():
    pending = {"weak-slices"}  # such a flaw is left out until there is a check
    checks = {name.partition(":")[0] for names in OURS.values() for name in names}
    assert all(name in CHECKS for name in checks - pending)


def test_every_peer_has_a_script_that_does_without_this_package():
    for peer in {name.partition(" ")[0] for name in CLAIMS} - {"roadworthy"}:
        tree = ast.parse((FOLDER / f"of_{peer}.py").read_text(encoding="utf-8"))
        names = {node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
        assert "roadworthy" not in {(name or "").partition(".")[0] for name in names}


def test_only_a_claimed_report_counts():
    claims = {"label shift": ("target drift",)}
    assert found_by(claims, "label shift", ["target drift", "other"])
    assert not found_by(claims, "label shift", ["other"])
    assert not found_by(claims, "target leak", ["target drift"])
    assert claimed("skore", ["SKD011", "SKD016"]) == ["SKD011"]


def test_a_score_counts_what_was_found_and_what_was_made_up():
    cases = [
        {"case": "a", "kind": "clean", "flaws": []},
        {"case": "b", "kind": "planted", "flaws": ["label shift"]},
        {"case": "c", "kind": "planted", "flaws": ["target leak"]},
        {"case": "d", "kind": "real", "flaws": ["label shift"]},
    ]
    rows = {name: {"reported": ["drift"]} for name in "abc"}  # d broke the tool
    found = score(cases, rows, {"label shift": ("drift",)})
    assert found["planted"] == [1, 2]
    assert found["real"] == [0, 0]
    assert found["false"] == [1, 1]
    assert found["flaws"] == {"label shift": [1, 1], "target leak": [0, 1]}
    assert found["false_by_flaw"] == {"label shift": 1}
    assert found["judged"] == 3

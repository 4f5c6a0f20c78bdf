import ast
from pathlib import Path

from benchmarks.audit_peers.claims import CLAIMS, OURS, found_by, reported_falsely
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
    assert reported_falsely(claims, ["other"]) == []
    assert reported_falsely(claims, ["target drift", "other"]) == ["target drift"]

from dataclasses import dataclass
from typing import Any

from roadworthy.artifacts.partial_views import SOURCE, PartialViews, why_none
from roadworthy.artifacts.views import (
    AROUND,
    BRIGHTNESS,
    CENTER,
    COUNTER,
    HOW_LONG,
    MISSING,
    WHOLE,
    has_views,
)
from roadworthy.checks.seen_parts import SeenParts
from roadworthy.core.artifact import Artifact, Get, Subject
from roadworthy.core.card import Card
from roadworthy.core.check import Check, limit
from roadworthy.core.dataset import KINDS
from roadworthy.core.errors import NotAssessed
from roadworthy.core.estimates import Measure, largest_of, ranked_difference, ranked_ratio
from roadworthy.core.finding import (
    SEVERITY,
    Figure,
    Finding,
    Remedy,
    Series,
    Table,
    Threshold,
    Verdict,
    compare,
)
from roadworthy.sources.file_columns import KIND, SIZE


@dataclass(frozen=True)
class Shortcuts(Check):
    """Do parts of the input tell the target that should not?

    What it does: lets a quick model (ridge regression, cross-fitted by group where one is named)
    rank the classes by a part of the input alone, and measures the AUC, averaged over classes. Of
    images: a border of an eighth of each side, one of 8 pixels, the corners, brightness and
    contrast, the kind (format, color) and the size of the file, and what lies around a person where
    `--face` says where the face is; of tables: which values are missing, and columns that count the
    rows; of texts: how long they are. The same with permuted labels must give chance, or an alarm
    is raised. A border or background that has much of what the whole image tells is a *suspected*
    shortcut and warns. It fails only with evidence: where sources are known (the environment, or
    else the kind of file), the source tells the label, and the border tells the source among rows
    of one label. What the kind of file tells is evidence in itself.
    Why it matters: COVID-19 was "diagnosed" from chest X-rays with the lungs blacked out, and
    networks that look for pneumonia told the hospital by the token its technicians lay on the
    plate. Such a model is right on every test of the same make and wrong in the next hospital.
    When it does not apply: images below 16 pixels a side; tables without missing values and row
    counters. A border may honestly tell the label: an object that fills the frame, a background
    that belongs to it. Brightness may, too: it is judged only where a source explains it. The
    length of a text often does, and warns. The background is not located without a face; with one
    it shows where in the picture the person is, too. What a linear model does not see is not found.
    A number filled in by the median counts as missing only where no other equals it.
    How to fix: crop or mask borders and tokens, save all files in one format, collect every label
    from every source, and test on a source that was not trained on.
    References: Maguolo, Nanni 2021, doi:10.1016/j.inffus.2021.04.008; Zech et al. 2018,
    doi:10.1371/journal.pmed.1002683; DeGrave et al. 2021, doi:10.1038/s42256-021-00338-7.

    Args:
        max_auc: largest AUC of a part that should not tell the target.
        max_share: largest share of the whole image's AUC beyond chance that its border may have.
    """

    max_auc: float = limit(
        0.64,
        "below",
        "a medium effect by Cohen 1988 (d = 0.5), that of classes half a spread apart",
    )
    max_share: float = limit(0.5, "below", "the center should tell more than what surrounds it")

    card = Card(
        "shortcuts",
        "Parts that should tell nothing",
        aliases=("border-test", "blackout-test"),
        paper="doi:10.1016/j.inffus.2021.04.008",
    )
    code = "RW-LEAK-007"
    area = "methodology"
    kinds = KINDS

    def needs(self, subject: Subject) -> tuple[Artifact[Any], ...]:
        if not has_views(subject.dataset):
            raise NotAssessed(why_none(subject.dataset))
        return (PartialViews(),)

    def judge(self, subject: Subject, get: Get) -> tuple[Finding, ...]:
        seen = SeenParts(subject, get(PartialViews()))
        findings = []
        if WHOLE in seen.names:
            findings.append(self._judge_borders(seen))
        if BRIGHTNESS in seen.names and seen.evidence(BRIGHTNESS, self.max_auc):
            findings.append(self._judge_part(seen, BRIGHTNESS, Verdict.FAIL))
        findings += [
            self._judge_part(seen, name, Verdict.FAIL if name == KIND else Verdict.WARN)
            for name in (KIND, SIZE, MISSING, COUNTER, HOW_LONG)
            if name in seen.names
        ]
        if not findings:
            raise NotAssessed(why_none(subject.dataset))
        return tuple(findings)

    def _judge_borders(self, seen: SeenParts) -> Finding:
        names = tuple(name for name in AROUND if name in seen.names)
        part, best = largest_of(names, lambda name: seen.auc(name, len(names)))
        whole, center = seen.ranking(WHOLE), seen.ranking(CENTER)
        ratio = ranked_ratio(
            f"share of the whole image's skill: {part}", seen.ranking(part), whole, seen.groups
        )
        difference = ranked_difference(
            f"AUC of {CENTER} minus {part}", center, seen.ranking(part), seen.groups
        )
        evidence = seen.evidence(part, self.max_auc)
        estimate, limit_name = best, "max_auc"
        verdict = self._worst(best, Verdict.FAIL if evidence else Verdict.WARN)
        if verdict is not Verdict.PASS and not evidence and ratio is not None:
            estimate, limit_name = ratio, "max_share"
            verdict = self._worst(ratio, Verdict.WARN, limit_name)
        return self._found(
            seen,
            "borders",
            part,
            verdict,
            f"From the {part} alone a quick model ranks the labels with an AUC of {best.value:.2f} "
            f"(whole image {whole.value:.2f}, {CENTER} {center.value:.2f}; chance 0.50)",
            evidence,
            estimate=estimate,
            threshold=self.threshold(limit_name),
            more=(best, difference, *((ratio,) if ratio else ())),
        )

    def _judge_part(self, seen: SeenParts, part: str, worst: Verdict) -> Finding:
        """Judge one part by its AUC; without evidence it comes to `worst` at most."""
        auc = seen.auc(part)
        evidence = "" if part == KIND else seen.evidence(part, self.max_auc)
        verdict = self._worst(auc, Verdict.FAIL if evidence else worst)
        claim = f"From {_named(part)} alone a quick model ranks the labels with an AUC of "
        return self._found(
            seen,
            part,
            part,
            verdict,
            f"{claim}{auc.value:.2f} (chance 0.50)",
            evidence,
            estimate=auc,
            threshold=self.threshold("max_auc"),
        )

    def _worst(self, estimate: Measure, worst: Verdict, limit_name: str = "max_auc") -> Verdict:
        """Judge an estimate by a limit, but no worse than the evidence allows."""
        found = compare(estimate, self.threshold(limit_name))
        return min(found, worst, key=SEVERITY.__getitem__)

    def _found(
        self,
        seen: SeenParts,
        scope: str,
        part: str,
        verdict: Verdict,
        claim: str,
        evidence: str,
        *,
        estimate: Measure,
        threshold: Threshold,
        more: tuple[Measure, ...] = (),
    ) -> Finding:
        reason = ""
        among = tuple(name for name in AROUND if name in seen.names) if part in AROUND else (part,)
        if verdict is not Verdict.PASS and not seen.is_beyond_chance(part, among):
            verdict = Verdict.NOT_ASSESSED
            reason = (
                f"{len(seen.value.rows)} training rows are too few to tell an AUC of "
                f"{seen.auc(part).value:.2f} from that of permuted labels"
            )
        if verdict is Verdict.WARN:
            claim += "; that is a suspected shortcut, which no source explains so far"
        return self.finding(
            f"{claim}{evidence}.",
            verdict=verdict,
            scope=scope,
            reason=reason,
            estimate=estimate,
            threshold=threshold,
            measures=(*more, *seen.controls(part)),
            figures=(_figure(seen),) if scope == "borders" else (),
            tables=(_table(seen),),
            alarms=seen.alarms(part),
            remedies=_remedies(scope) if verdict in (Verdict.WARN, Verdict.FAIL) else (),
        )


def _named(part: str) -> str:
    return part if part in (COUNTER, MISSING, BRIGHTNESS) else f"the {part}"


def _remedies(scope: str) -> tuple[Remedy, ...]:
    first = {
        "borders": "Mask what lies around the object, train again, and see whether it still works.",
        KIND: "Save all files in one format before training, or leave it out of the data.",
        SIZE: "Look whether files were compressed differently; save all by one setting.",
        MISSING: "Ask why values are missing: a test that only the ill get tells who is ill.",
        COUNTER: "Leave out columns that count the rows.",
        HOW_LONG: "Look why texts of one label are longer; compare with all cut to one length.",
        BRIGHTNESS: "Bring images of all sources to one brightness and contrast.",
    }[scope]
    return (
        Remedy(first),
        Remedy("Test on a source that was not trained on: name the source with --environment."),
    )


def _table(seen: SeenParts) -> Table:
    rows = []
    for part in seen.names:
        auc, within, source = seen.auc(part), seen.within(part), seen.source(part)
        rows.append(
            (
                part,
                auc.value,
                auc.low,
                auc.high,
                seen.permuted(part).value,
                within.value if within else None,
                source.value if source and part != SOURCE else None,
            )
        )
    columns = ("part", "AUC", "low", "high", "permuted labels", "within one source", "source")
    return Table("How well parts of the input rank the labels", columns, tuple(rows))


def _figure(seen: SeenParts) -> Figure:
    aucs = [seen.auc(part) for part in seen.names]
    series = Series.of("AUC", seen.names, aucs)
    return Figure(
        kind="bar",
        title="How well parts of the image rank the labels",
        text="; ".join(f"{a.name} {a.value:.2f}" for a in aucs) + "; chance is 0.50.",
        x_label="part",
        y_label="AUC",
        y_range=(0.0, 1.0),
        series=(series,),
    )

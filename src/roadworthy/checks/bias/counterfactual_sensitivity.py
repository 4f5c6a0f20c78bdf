from dataclasses import dataclass
from typing import Any

from roadworthy.artifacts.roles import sensitive_columns
from roadworthy.checks.edit_effects import unchanged
from roadworthy.checks.edited_attributes import attribute_edits, judge_attribute
from roadworthy.checks.edited_pictures import judge_pictures, picture_edits
from roadworthy.checks.edited_texts import judge_texts, text_edits
from roadworthy.core.artifact import Artifact, Get, Subject
from roadworthy.core.card import Card
from roadworthy.core.check import Check, limit
from roadworthy.core.dataset import KINDS
from roadworthy.core.finding import Finding

FAMILIES = {"image": picture_edits, "text": text_edits}


@dataclass(frozen=True)
class CounterfactualSensitivity(Check):
    """Does the answer change with what should not matter?

    What it does: edits test rows and measures how far the score moves, row by row, in standard
    deviations of the score over the rows. The score is the probability of the class that was chosen
    for the original, of two classes that of the last, or a regression's number. Images: light,
    contrast, crop, JPEG, color temperature; a bookshelf or a picture frame in the background;
    glasses and a headscarf. Texts: given names become those of the other gender or of another
    origin; he and she are exchanged, or become they; British and American spelling are exchanged,
    and words spelled as in African-American English; texts that hold nothing of it are left out and
    counted. Tables: each sensitive attribute is taken from a row of another group, alone, and with
    the columns that differ between the groups, from a row alike in the others. Every effect is read
    against a floor: how far the same change moves the score when it is neutral. For images that is
    the same picture taken again (at most a pixel to a side, noise of one level, a JPEG of quality
    95), for tables the same exchange within the group, for names another of the same gender and
    origin, and for other texts a space more, a full stop more or less, or another case of the first
    letter. Judged are the mean absolute change above the floor, and for columns that move along the
    mean change from one group to another. Intervals are a bootstrap over rows, by person where
    `--group` names one, and hold together for all edits; p-values carry Holm's correction.
    Why it matters: an application video was scored otherwise with glasses, with a headscarf and
    before a bookshelf, while repeated takes in the same outfit scored alike.
    When it does not apply: where an edit carries meaning, such as brightness in an X-ray: leave
    such findings out by the policy. Glasses and headscarf need `--face`; without it the background
    is not located, and things are put on the border and into a corner only. That the attribute
    moves the score with all that moves along does not say that the model is wrong: those columns
    may rightly count. Of texts, the names, pronouns and spellings are few and English; after they
    only be, have and do change their form, and whether `her` means him or his is told by the next
    word, which errs.
    How to fix: train with such edits (augmentation), cut the background off, leave the feature out,
    reweigh the groups.
    References: Bayerischer Rundfunk 2021, "Objective or biased", web.br.de/interaktiv/ki-bewerbung
    (the experiment); Kusner et al. 2017, arXiv:1703.06856 (counterfactual fairness; here without
    its causal model, by matching); Garg et al. 2019, arXiv:1809.10610 (counterfactual token
    fairness); Bertrand and Mullainathan 2004, doi:10.1257/0002828042002561, and Caliskan et al.
    2017, arXiv:1608.07187 (names); Blodgett et al. 2016, arXiv:1608.08868 (dialect); Cohen 1988
    (sizes of effects).

    Args:
        max_effect: largest mean absolute change above the floor, in deviations of the score.
        max_along: largest mean change between groups with what moves along, in deviations.
    """

    max_effect: float = limit(0.2, "below", "a small effect by Cohen 1988 (d = 0.2)")
    max_along: float = limit(
        0.5, "below", "a medium effect by Cohen 1988 (d = 0.5): what moves along may rightly count"
    )

    card = Card(
        "counterfactual-sensitivity",
        "Answers move with what should not matter",
        aliases=("nuisance-sensitivity",),
        paper="arxiv:1703.06856",
    )
    code = "RW-BIAS-005"
    area = "bias"
    kinds = KINDS

    def needs(self, subject: Subject) -> tuple[Artifact[Any], ...]:
        data = subject.dataset
        if data.kind in FAMILIES:
            edits = [edit for each in FAMILIES[data.kind](subject).values() for edit in each]
        else:
            names = sensitive_columns(data)
            edits = [edit for name in names for edit in attribute_edits(subject, name).values()]
        wanted = [request for edit in edits for request in (edit.request, *edit.neutral)]
        return (unchanged(subject), *dict.fromkeys(wanted))

    def judge(self, subject: Subject, get: Get) -> tuple[Finding, ...]:
        if subject.dataset.kind == "image":
            return judge_pictures(self, subject, get)
        if subject.dataset.kind == "text":
            return judge_texts(self, subject, get)
        attributes = subject.dataset.roles.sensitive
        return tuple(
            finding
            for attribute in attributes
            for finding in judge_attribute(self, subject, get, attribute)
        )

from dataclasses import dataclass

import torch
from torch import Tensor

from roadworthy.artifacts.attribute_edits import Groups, with_all_of, with_attribute_of
from roadworthy.artifacts.declared_faces import faces, is_located
from roadworthy.artifacts.drawn_rows import drawn_rows
from roadworthy.artifacts.photo_edits import COLOR_EDITS, PHOTO_EDITS, retake
from roadworthy.artifacts.predictions import outputs_on
from roadworthy.artifacts.scene_edits import BACKGROUND_EDITS, WORN_EDITS
from roadworthy.artifacts.text_edits import edited_texts
from roadworthy.core.artifact import Artifact, Get, Subject
from roadworthy.core.card import Card
from roadworthy.core.dataset import Dataset
from roadworthy.core.errors import NotAssessed
from roadworthy.core.progress import Progress
from roadworthy.core.streams import Streams

UNCHANGED, RETAKE = "unchanged", "retake"
OTHER, SAME = "other group", "same group"
OTHER_ALONG, SAME_ALONG = "other group, along", "same group, along"


@dataclass(frozen=True, eq=False)
class EditedOutputsValue:
    """What the model says of edited inputs.

    Args:
        rows: (R,) rows of the test split.
        is_edited: (R,) the edit could be made.
        outputs: (R, K) logits, or (R,) numbers for regression.
    """

    rows: Tensor
    is_edited: Tensor
    outputs: Tensor


@dataclass(frozen=True)
class EditedOutputs(Artifact[EditedOutputsValue]):
    """The model's outputs on test rows after an edit that should not matter to it.

    Args:
        edit: what was changed.
        n: at most this many test rows, drawn at random.
        attribute: the sensitive attribute that is changed, for tables.
        copy: number of the repetition, each with its own random numbers.
    """

    edit: str
    n: int
    attribute: str = ""
    copy: int = 0

    card = Card("edited-outputs", "Outputs on edited inputs")
    value = EditedOutputsValue

    def cost(self, subject: Subject) -> float:
        return float(min(self.n, len(subject.dataset.test)))

    def compute(self, subject: Subject, get: Get, progress: Progress) -> EditedOutputsValue:
        rows = drawn_rows(subject, self.n)
        x, is_edited = self.edited(subject, rows)
        outputs = outputs_on(subject.model, x, subject.device)
        if not outputs.isfinite().all():
            raise NotAssessed(f"the model gives NaN or infinite outputs after the edit {self.edit}")
        return EditedOutputsValue(rows, is_edited, outputs)

    def edited(self, subject: Subject, rows: Tensor) -> tuple[Tensor, Tensor]:
        """Give test rows (R, …) after the edit, and which could be edited (R,)."""
        data, streams = subject.dataset, Streams.of(subject.seed_for(self), rows)
        x, everywhere = data.test.x[rows], torch.ones(len(rows), dtype=torch.bool)
        photo = PHOTO_EDITS | COLOR_EDITS | {RETAKE: retake}
        if self.edit == UNCHANGED:
            return x, everywhere
        if data.kind == "text":
            return edited_texts(self.edit, x, streams)
        if self.edit in photo:
            return photo[self.edit](x, streams), everywhere
        if self.edit in BACKGROUND_EDITS and not data.roles.face:
            return BACKGROUND_EDITS[self.edit](x, None, streams), everywhere
        if data.kind == "image":
            face = faces(data, data.test.take(rows)).to(x)
            draw = (BACKGROUND_EDITS | WORN_EDITS)[self.edit]
            is_seen = is_located(face)
            return torch.where(
                is_seen[:, None, None, None], draw(x, face.nan_to_num(), streams), x
            ), is_seen
        return self._of_group(data, rows, streams)

    def _of_group(self, data: Dataset, rows: Tensor, streams: Streams) -> tuple[Tensor, Tensor]:
        groups = Groups.of(data, self.attribute)
        column = column_of(data, self.attribute)
        is_other = self.edit in (OTHER, OTHER_ALONG)
        if self.edit in (OTHER, SAME):
            assert column is not None, "an attribute that the model does not see has no edit alone"
            x = with_attribute_of(data, rows, groups, column, is_other, streams)
        else:
            x = with_all_of(data, rows, groups, column, is_other, streams)
        is_edited = groups.test[rows] >= 0
        return torch.where(is_edited[:, None], x, data.test.x[rows]), is_edited


def column_of(data: Dataset, attribute: str) -> int | None:
    """Find the feature that is a sensitive attribute; None where the model does not see it."""
    names = [feature.name for feature in data.features]
    return names.index(attribute) if attribute in names else None

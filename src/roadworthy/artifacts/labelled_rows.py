from dataclasses import replace

import numpy as np
import torch

from roadworthy.core.dataset import Dataset, Split


def labelled_rows(data: Dataset) -> Split:
    """Give the training and test rows whose target is known, as one split with all columns."""
    splits = data.train, data.test
    whole = replace(
        data.train,
        name="all",
        x=torch.cat([split.x for split in splits]),
        y=torch.cat([split.y for split in splits]),
        ids=torch.arange(sum(map(len, splits))),
        columns={
            name: np.concatenate([split.columns[name] for split in splits])
            for name in data.train.columns
        },
    )
    return whole.take(whole.is_labelled)

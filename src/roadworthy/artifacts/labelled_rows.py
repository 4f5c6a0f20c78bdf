from roadworthy.core.dataset import Dataset, Split


def labelled_rows(data: Dataset) -> Split:
    """Give the training and test rows whose target is known, as one split with all columns."""
    whole = Split.together("all", data.train, data.test)
    return whole.take(whole.is_labelled)

"""Real data sets whose flaws are known, of the folder of shared data; absent ones are left out."""

from pathlib import Path

import numpy as np
import polars as pl

from .case import Case, split_of

MOST = 2500  # rows of a table: the flaws show in them, and slow tools end


def real_cases(folder: Path):
    """Give each case that there is with the names of its known flaws, by name."""
    made = {}
    for name, (file, make, flaws) in REAL.items():
        if (folder / file).exists():
            made[name] = (make(folder / file, np.random.default_rng(0)), flaws)
    return made


def wine(path, generator):
    table = pl.read_csv(path)
    y = (table[table.columns[-1]].to_numpy() >= 6).astype(int)
    return Case(table[:, :-1].cast(pl.Float64), y, split_of(len(y), 0.35, generator))


def compas(path, generator, leaks=False):
    table = pl.read_csv(path, infer_schema_length=None)
    table = table.filter(pl.col("race").is_in(["African-American", "Caucasian"]))
    table = table[np.sort(generator.permutation(len(table))[:MOST])]
    columns = ["age", "sex", "c_charge_degree", "priors_count", "juv_fel_count", "juv_misd_count"]
    if leaks:
        columns += ["is_recid", "priors_count.1", "decile_score", "decile_score.1"]
    part = split_of(len(table), 0.35, generator)
    case = Case(table[columns], table["two_year_recid"].to_numpy(), part)
    return case if leaks else case.with_role("sensitive", table["race"].to_numpy().astype(str))


def compas_leaks(path, generator):
    return compas(path, generator, leaks=True)


def adult(path, generator):
    table = pl.read_csv(path)
    table = table[np.sort(generator.permutation(len(table))[:MOST])]
    y = (table["income"] == ">50K").cast(pl.Int64).to_numpy()
    return Case(table.drop("income"), y, split_of(len(y), 0.35, generator))


def pneumonia(path, generator):
    """Take the means of 4 x 4 fields of each image as a table, for tools that know only those."""
    with np.load(path) as arrays:
        rows = generator.permutation(len(arrays["train_images"]))[:1500]
        x = np.concatenate([arrays["train_images"][rows], arrays["test_images"]]) / 255
        y = np.concatenate([arrays["train_labels"][rows], arrays["test_labels"]])[:, 0]
    fields = x.reshape(len(x), 7, 4, 7, 4).mean((2, 4)).reshape(len(x), 49)
    part = np.where(np.arange(len(x)) < 1500, "train", "test").astype(object)
    return Case(fields, y.astype(int), part)


# by name: the file, what makes a case of it, and the flaws that it is known to have
REAL = {
    "wine, red": ("ordinal/uci_winequality_red.csv.gz", wine, ("exact duplicates",)),
    "wine, white": ("ordinal/uci_winequality_white.csv.gz", wine, ("exact duplicates",)),
    "COMPAS": ("compas_two_years.csv.gz", compas, ("group gap",)),
    "COMPAS with all columns": (
        "compas_two_years.csv.gz",
        compas_leaks,
        ("target leak", "repeated column"),
    ),
    "Adult": ("adult_train.csv.gz", adult, ("repeated column",)),
    "pneumonia X-rays": ("pneumoniamnist_imbalanced.npz", pneumonia, ("label shift of test rows",)),
}

"""Which reports of a tool count as having found a flaw, by what its documentation says of them."""

# our checks, with the scope of their finding where only that counts
OURS = {
    "exact duplicates": ("exact-duplicates: across splits",),
    "near duplicates": ("near-duplicates",),
    "group overlap": ("group-overlap",),
    "temporal overlap": ("temporal-overlap",),
    "target leak": ("leaking-features",),
    "label errors": ("label-errors",),
    "source confounding": ("source-confounding",),
    "stamp": ("shortcuts",),
    "stamp of a source": ("shortcuts",),
    "rare class": ("class-imbalance",),
    "group gap": ("group-gaps",),
    "source gap": ("environment-gaps",),
    "covariate shift": ("distribution-shift: production inputs",),
    "label shift": ("distribution-shift: production labels",),
    "label shift of test rows": ("distribution-shift: test labels",),
    "fitted on test rows": ("fitted-on-all: steps",),
    "telling gaps": ("shortcuts",),
    "proxy": ("proxies",),
    "weak slice": ("weak-slices",),
    "repeated column": ("constant-features: repeated",),
}

# what `of_NAME.py` reports; a second word of the name is another way of judging the same reports
CLAIMS = {
    "roadworthy fails": OURS,
    "roadworthy fails or warns": {
        flaw: (*names, *(f"warn: {name}" for name in names)) for flaw, names in OURS.items()
    },
    # no class imbalance: its suites do not look for it, and the condition warns where there is none
    "deepchecks": {
        "exact duplicates": ("Train Test Samples Mix",),
        "group overlap": ("Index Train Test Leakage",),
        "temporal overlap": ("Date Train Test Leakage Overlap",),
        "target leak": ("Feature Label Correlation",),
        "label errors": ("Conflicting Labels",),
        "source confounding": ("with roles: Feature Label Correlation",),
        "group gap": ("sensitive: Performance Bias",),
        "source gap": ("environment: Performance Bias",),
        "covariate shift": ("production: Feature Drift", "production: Multivariate Drift"),
        "label shift": ("production: Label Drift",),
        "label shift of test rows": ("Label Drift",),
        "proxy": ("with roles: Feature Feature Correlation",),
        "weak slice": ("Weak Segments Performance",),
        "repeated column": ("Feature Feature Correlation",),
    },
    "giskard": {
        "target leak": ("Spurious Correlation",),
        "source confounding": ("environment: Spurious Correlation",),
        "group gap": ("sensitive: Performance",),
        "source gap": ("environment: Performance",),
        "weak slice": ("Performance",),
    },
    "cleanlab any": {
        "exact duplicates": ("near_duplicate across splits",),
        "near duplicates": ("near_duplicate across splits",),
        "label errors": ("label",),
        "rare class": ("class_imbalance",),
        "weak slice": ("underperforming_group",),
    },
    "cleanlab many": {
        "exact duplicates": ("many: near_duplicate across splits",),
        "near duplicates": ("many: near_duplicate across splits",),
        "label errors": ("many: label",),
        "rare class": ("class_imbalance",),
        "weak slice": ("underperforming_group",),
    },
    "evidently": {
        "covariate shift": ("production: column drift", "production: share of drifted columns"),
        "label shift": ("production: target drift",),
        "label shift of test rows": ("test: target drift",),
    },
    "skore": {
        "temporal overlap": ("SKD013",),
        "target leak": ("SKD011",),
        "rare class": ("SKD004", "SKD005"),
        "repeated column": ("SKD008",),
    },
    "fairlearn": {
        "group gap": ("sensitive: difference",),
        "source gap": ("environment: difference",),
    },
    "aequitas": {
        "group gap": ("sensitive: parity",),
        "source gap": ("environment: parity",),
    },
}


def found_by(claims, flaw, reported):
    """Say whether one of the reports that count for a flaw is there."""
    return any(name in claims.get(flaw, ()) for name in reported)


def claimed(tool, reported):
    """Keep the reports of a tool that count for some flaw, in one way of judging it or another."""
    ways = [claims for name, claims in CLAIMS.items() if name.partition(" ")[0] == tool]
    counting = {name for claims in ways for names in claims.values() for name in names}
    return sorted(counting & set(reported))

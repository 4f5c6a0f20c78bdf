"""Fit a scikit-learn pipeline of your own on breast-cancer and inspect it.

python examples/own_sklearn_model.py --out own-sklearn-report.html
"""

import argparse

from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

import roadworthy as rw

if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", default="own-sklearn-report.html")
    parser.add_argument("--budget", default="standard")
    options = parser.parse_args()
    data = rw.load_dataset("breast-cancer")
    model = make_pipeline(StandardScaler(), SVC(kernel="rbf"))
    model.fit(data.train.x.numpy(), data.train.y.numpy())
    report = rw.inspect(model, data, budget=options.budget)
    for finding in report.worst[:3]:
        print(finding.code, finding.verdict, finding.claim)
    print(report.save(options.out))

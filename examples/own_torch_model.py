"""Train a torch module of your own on digits and inspect it.

python examples/own_torch_model.py --out own-torch-report.html
"""

import argparse

import torch
from torch import nn

import roadworthy as rw


class TwoLayers(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.network = nn.Sequential(
            nn.Flatten(), nn.Linear(64, 50), nn.ReLU(), nn.Linear(50, 25), nn.ReLU()
        )
        self.head = nn.Linear(25, 10)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.head(self.network(x))


def train(data: rw.Dataset) -> nn.Module:
    torch.manual_seed(0)
    module = TwoLayers()
    optimizer = torch.optim.Adam(module.parameters(), lr=3e-3)
    for _ in range(200):
        loss = nn.functional.cross_entropy(module(data.train.x), data.train.y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return module


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", default="own-torch-report.html")
    parser.add_argument("--budget", default="standard")
    options = parser.parse_args()
    digits = rw.load_dataset("digits")
    report = rw.inspect(train(digits), digits, budget=options.budget)
    for finding in report.worst[:3]:
        print(finding.code, finding.verdict, finding.claim)
    print(report.save(options.out))

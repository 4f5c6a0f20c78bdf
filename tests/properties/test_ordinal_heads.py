"""What ordinal heads promise for any weights and any outputs."""

import torch
from hypothesis import example, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from roadworthy.networks.heads.coral import Coral
from roadworthy.networks.heads.corn import Corn
from roadworthy.networks.heads.cumulative_link import CumulativeLink
from roadworthy.networks.heads.or_nn import ORNN
from roadworthy.networks.heads.ranks import class_logs
from roadworthy.networks.heads.unimodal import Unimodal

numbers = st.floats(-1e4, 1e4, width=32)


def rows(columns, elements=numbers):
    return arrays("float32", (4, columns), elements=elements).map(torch.from_numpy)


def falls(is_above):
    return bool((is_above.diff(dim=1) <= 0).all())


@given(rows(6))
@settings(deadline=None)
def test_corn_keeps_ranks_in_order_in_any_state(raw):
    assert falls(Corn(7).is_above(raw))


@given(rows(1), rows(6))
@settings(deadline=None)
def test_coral_keeps_ranks_in_order_where_its_thresholds_are(raw, thresholds):
    head = Coral(7)
    head.thresholds.data = thresholds[0].sort(descending=True).values
    assert falls(head.is_above(raw))


@given(rows(5), st.sampled_from(["logit", "probit"]), rows(1))
@example(torch.tensor([[5428.0, 5428.0, 5428.0, 5428.0, -7.0]]), "logit", torch.zeros(4, 1))
@settings(deadline=None)
def test_a_cumulative_links_thresholds_rise_in_any_state(weights, link, raw):
    head = CumulativeLink(6, link)
    head.first.data, head.gaps.data = weights[0, :1].clamp(-100, 100), weights[0, 1:]
    assert (head.thresholds.diff() > 0).all()
    assert falls(head.is_above(raw))
    assert head.loss(raw, torch.tensor([0, 2, 4, 5])).isfinite().all()


@given(rows(1), st.sampled_from(["binomial", "poisson"]), st.integers(2, 40), st.floats(-3, 3))
@settings(deadline=None)
def test_unimodal_probabilities_have_one_mode_for_any_output(raw, family, classes, temperature):
    head = Unimodal(classes, family)
    head.log_temperature.data.fill_(temperature)
    steps = head.logits(raw).diff(dim=1).sign()
    assert (steps.diff(dim=1) <= 0).all()  # up, then level, then down


@given(rows(6, st.floats(-20, 20, width=32)))
@settings(deadline=None)
def test_the_median_is_the_papers_rule_and_the_mode_the_largest_probability(raw):
    head = ORNN(7)
    is_above = head.is_above(raw)
    assert torch.equal(head(raw).argmax(1), (is_above > 0.5).sum(1))
    mode = class_logs(is_above, "mode").exp()
    edges = [torch.ones(4, 1), is_above.sort(dim=1, descending=True).values, torch.zeros(4, 1)]
    torch.testing.assert_close(mode, -torch.cat(edges, 1).diff(dim=1), atol=1e-6, rtol=0)


@given(rows(6, st.floats(-20, 20, width=32)), st.sampled_from(["median", "mode"]))
@settings(deadline=None)
def test_classes_are_given_probabilities_that_add_up(raw, decode):
    total = class_logs(raw.sigmoid(), decode).exp().sum(1)
    torch.testing.assert_close(total, torch.ones(4), atol=1e-5, rtol=0)

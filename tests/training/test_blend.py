"""Between two networks: their weights' mean, a head that fits, and a checkpoint that says so."""

import torch

from server.models.cnn import build_cnn
from server.training.cnn.blend import between, fit_head


def test_between_is_the_mean_of_bodies_and_heads_and_leaves_both_alone():
    start, tuned = (build_cnn("mobilenet_v2", None, ("a", "b"), kinds=("k",)) for _ in range(2))
    before = [value.clone() for value in (*start.state_dict().values(), *tuned.state_dict().values())]
    made = between(start, tuned, 0.25)
    for name in ("body.0.0.weight", "body.1.conv.0.1.running_var", "head.weight", "head.bias"):
        wanted = 0.75 * start.state_dict()[name] + 0.25 * tuned.state_dict()[name]
        torch.testing.assert_close(made.state_dict()[name], wanted)
    torch.testing.assert_close(made.kind_head.weight, tuned.kind_head.weight)
    after = (*start.state_dict().values(), *tuned.state_dict().values())
    assert all(torch.equal(one, other) for one, other in zip(before, after, strict=True))
    assert not made.training


def test_the_head_separates_what_can_be_separated_and_heeds_weights():
    torch.manual_seed(1)
    labels = torch.arange(3).repeat(40)
    features = torch.randn(120, 8) * 0.3 + torch.nn.functional.one_hot(labels, 8) * 3
    head = fit_head(features, labels, torch.full((120,), 1 / 120), 3)
    assert (head(features).argmax(1) == labels).float().mean() > 0.97
    assert not head.weight.requires_grad
    weights = (labels == 2).float() / 40
    assert (fit_head(features, labels, weights, 3)(features).argmax(1) == 2).all()

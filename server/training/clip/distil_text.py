"""Distils the text tower from its teacher: fewer words and layers, trained to give the teacher's vectors.

Word embeddings stay the teacher's own, so that words outside the training texts keep their vectors; only the layers are trained.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F
from transformers import BertConfig, BertModel

from server.models.compact import CONTEXT, TEXT_CONFIG, small_tokenizer
from server.training.data.captions import teacher_folder

LAYERS = (0, 2, 5)  # of the teacher's six; measured best three before learning (cosine .75; 0-1-5 .71, 1-3-5 .56)
RATE = 4e-4  # higher diverges in bf16, lower is not done in three epochs
BATCH = 256
TOLD_EVERY = 20  # steps
RELATIONS = 0.5  # weight of keeping the similarities between texts, beside keeping each text's vector

Floats = NDArray[np.float32]


def student(kept: Sequence[int], layers: Sequence[int] = LAYERS) -> BertModel:
    """A BertModel of `len(layers)` layers and `len(kept)` words that begins with the teacher's weights."""
    teacher = BertModel.from_pretrained(teacher_folder(), local_files_only=True, add_pooling_layer=False)
    config = BertConfig(**{**TEXT_CONFIG, "vocab_size": len(kept), "num_hidden_layers": len(layers)})
    small = BertModel(config, add_pooling_layer=False)
    state = teacher.state_dict()
    state["embeddings.word_embeddings.weight"] = state["embeddings.word_embeddings.weight"][torch.tensor(list(kept))]
    state["embeddings.position_embeddings.weight"] = state["embeddings.position_embeddings.weight"][:CONTEXT]
    for position, layer in enumerate(layers):
        prefix = f"encoder.layer.{layer}."
        state |= {
            f"encoder.layer.{position}.{k[len(prefix) :]}": v for k, v in teacher.state_dict().items() if k.startswith(prefix)
        }
    small.load_state_dict({name: state[name] for name in small.state_dict()})
    return small


def encode(tower: nn.Module, ids: Tensor) -> Tensor:
    """Unit vectors [n, 384] of token ids [n, length], padding 0: the mean over the tokens without padding."""
    mask = (ids != 0).long()
    hidden = tower(input_ids=ids, attention_mask=mask).last_hidden_state
    return F.normalize((hidden * mask[..., None]).sum(1).float() / mask.sum(1, keepdim=True), dim=1)


def _batches(lengths: NDArray[np.int64], rng: np.random.Generator) -> list[NDArray[np.int64]]:
    """Shuffled batches of texts of similar length, to avoid padding."""
    order = np.argsort(lengths + rng.uniform(0, 1.5, len(lengths)), kind="stable")
    parts = [order[start : start + BATCH] for start in range(0, len(order), BATCH)]
    rng.shuffle(parts)
    return parts


def distil(
    texts: Sequence[str], targets: Floats, vocabulary: Sequence[str], kept: Sequence[int], epochs: int = 3,
    layers: Sequence[int] = LAYERS, say: Callable[[str], None] = print,
) -> BertModel:  # fmt: skip
    """A student that gives `targets` [n, 384] (unit vectors) for `texts`. Minutes an epoch of 128,000."""
    torch.manual_seed(0)
    rng = np.random.default_rng(0)
    tower, tokenizer = student(kept, layers), small_tokenizer(vocabulary)
    tower.train(False).requires_grad_(True)  # dropout only hurts: the targets are exact
    tower.embeddings.requires_grad_(False)
    learned = [p for p in tower.parameters() if p.requires_grad]
    tokens = [one.ids for one in tokenizer.encode_batch(list(texts))]
    lengths = np.array([len(one) for one in tokens])
    steps = epochs * -(-len(texts) // BATCH)
    optimiser = torch.optim.AdamW(learned, lr=RATE, weight_decay=0.01)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, RATE, total_steps=steps, pct_start=0.1)
    truth, done, began = torch.from_numpy(targets), 0, time.monotonic()
    for _ in range(epochs):
        for batch in _batches(lengths, rng):
            longest = int(lengths[batch].max())
            ids = torch.tensor([tokens[i] + [0] * (longest - len(tokens[i])) for i in batch])
            with torch.autocast("cpu", torch.bfloat16):
                guess = encode(tower, ids)
            want = truth[torch.from_numpy(batch)]
            loss = (1 - (guess * want).sum(1)).mean() + RELATIONS * (guess @ guess.T - want @ want.T).square().mean() * 10
            optimiser.zero_grad()
            torch.autograd.backward(loss)
            nn.utils.clip_grad_norm_(learned, 1.0)
            optimiser.step()
            schedule.step()
            done += 1
            if done % TOLD_EVERY == 0:
                say(f"text tower: step {done} of {steps}, loss {float(loss.detach()):.3f}, {time.monotonic() - began:.0f} s")
    return tower

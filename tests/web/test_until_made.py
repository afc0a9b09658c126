"""How dashboard and extension wait for a heat map: one script, asked by a service of these answers."""

from __future__ import annotations

import pytest

from tests.node import ROOT, evaluate

SCRIPT = ROOT / "server/web/static/shared/until_made.js"
# Answers in turn: a code throws, null gives the picture. Gives [how it ended, how often it asked, the seconds it paused].
ASKED = """(async () => {
  const pauses = [];
  globalThis.setTimeout = (run, ms) => void (pauses.push(ms / 1000), queueMicrotask(run));
  let asked = 0;
  const ask = async () => {
    const [code, retryAfter] = given.answers[Math.min(asked++, given.answers.length - 1)];
    if (code) throw Object.assign(new Error(code), { code, retryAfter });
    return "picture";
  };
  const ended = await m.untilMade(ask, () => asked < given.patience).catch((problem) => problem.code);
  return [ended, asked, pauses];
})()"""


@pytest.mark.parametrize(
    ("answers", "patience", "ended"),
    [
        ([(None, None)], 99, ["picture", 1, []]),
        ([("not_made_yet", 1), ("timed_out", None), ("too_many_requests", 60), (None, None)], 99, ["picture", 4, [1, 2, 10]]),
        ([("not_made_yet", 1), ("not_found", None)], 99, ["not_found", 2, [1]]),
        ([("not_made_yet", 1)], 99, ["not_made_yet", 12, [1] * 11]),
        ([("not_made_yet", 1)], 3, ["not_made_yet", 3, [1, 1]]),
    ],
    ids=["there", "made meanwhile", "another problem", "never", "nobody looks any more"],
)
def test_it_asks_again_while_that_may_help(
    answers: list[tuple[str | None, int | None]], patience: int, ended: list[object]
) -> None:
    assert evaluate(SCRIPT, ASKED, {"answers": answers, "patience": patience}) == ended


def test_the_extension_has_the_same_script() -> None:
    assert (ROOT / "extension/shared/until_made.js").read_text() == SCRIPT.read_text()

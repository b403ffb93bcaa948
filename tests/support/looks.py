"""Samples as the modules of heat evidence see them, one after the other."""

from llmtui.metrics.heat.evidence import Look
from llmtui.metrics.heat.reading_history import History

SECOND = 1_000_000_000


class Looks:
    """Makes the look at each sample in turn; a second apart unless `at` says otherwise."""

    def __init__(self):
        self.history = History()
        self.second = -1

    def next(self, values, *, at=None, loaded=True, idle=False):
        self.second = self.second + 1 if at is None else at
        t = self.second * SECOND
        steps = self.history.take(t, values)
        return Look(t, steps, self.history, loaded=loaded, idle=idle)


def found(look, device=None):
    """The kinds of findings of a look."""
    return [finding.kind for finding in look.findings if device in {None, finding.device}]

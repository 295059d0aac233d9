"""The sentinel's cumulative sum over scores, and the choice of its drift and limits."""

import dataclasses

import numpy

LOGIT = 1024
SCORE_MOST = 4 * LOGIT
TIMES_MOST = 3


@dataclasses.dataclass(frozen=True)
class Limits:
    """In 1/1024 of a logit."""

    drift: int
    bookmark: int
    fence: int


def cumulate(scores, drift, most=None):
    """The suspicion after each score of one stream. Without `most`, as if there was no cap, which matters only after a fence."""
    steps = numpy.clip(scores, -SCORE_MOST, SCORE_MOST) - drift
    if most is None:
        sums = numpy.cumsum(steps)
        return sums - numpy.minimum(numpy.minimum.accumulate(sums), 0)
    out = numpy.empty(len(steps), numpy.int64)
    suspicion = 0
    for index, step in enumerate(steps.tolist()):
        suspicion = min(max(suspicion + step, 0), most)
        out[index] = suspicion
    return out


class Path:
    """The suspicion over one stream, prepared for being compared with many limits."""

    def __init__(self, data, stream, suspicion):
        start, end = data.bounds[stream]
        rows = data.rows[start:end]
        during = rows["attack_micros"] >= 0
        self.description = data.streams[stream]
        self.calm = suspicion[~during]
        self.rows = rows[during]
        self.highest = numpy.maximum.accumulate(suspicion[during])

    def first(self, limit):
        """(MiB written by the attack, seconds since it began) when the suspicion first reaches the limit; None if it never does."""
        at = numpy.searchsorted(self.highest, limit)
        if at == len(self.highest):
            return None
        row = self.rows[at]
        return float(row["attack_blocks"]) / 256, float(row["attack_micros"]) / 1e6


class Outcome:
    """What became of one stream."""

    def __init__(self, path, limits):
        self.attack = path.description["attack"]
        self.is_at_pace = path.description["pace"] == 1
        self.false_bookmarks = episodes(path.calm, limits.bookmark)
        self.false_fence = bool(path.calm.max(initial=0) >= limits.fence)
        self.bookmark = path.first(limits.bookmark)
        self.fence = path.first(limits.fence)


def episodes(suspicion, limit):
    """How often the suspicion reaches the limit, having been gone in between."""
    if not len(suspicion) or suspicion.max() < limit:
        return 0
    episode = numpy.cumsum(suspicion == 0)
    return len(numpy.unique(episode[suspicion >= limit]))


def paths(data, scores, drift):
    """Of all streams."""
    return [Path(data, stream, cumulate(scores[start:end], drift)) for stream, (start, end) in data.bounds.items()]


def outcomes(data, scores, limits):
    """Of all streams."""
    return [Outcome(path, limits) for path in paths(data, scores, limits.drift)]


def summary(found):
    """Figures over streams: detection of attacks (times and amounts only where the pace is the recorded one), false alarms."""
    attacks = [outcome for outcome in found if outcome.attack >= 0]
    fenced = [outcome.fence for outcome in attacks if outcome.fence and outcome.is_at_pace]
    return {
        "attack_streams": len(attacks),
        "missed": sum(not outcome.fence for outcome in attacks),
        "missed_bookmark": sum(not outcome.bookmark for outcome in attacks),
        "median_mib": float(numpy.median([mib for mib, _ in fenced])) if fenced else None,
        "median_seconds": float(numpy.median([seconds for _, seconds in fenced])) if fenced else None,
        "p90_mib": float(numpy.percentile([mib for mib, _ in fenced], 90)) if fenced else None,
        "streams": len(found),
        "false_fences": sum(outcome.false_fence for outcome in found),
        "false_bookmarks": sum(outcome.false_bookmarks for outcome in found),
    }


def candidates(data, scores):
    """For each drift and fence limit of a grid: the figures. A bookmark is set at 0.4 of the fence."""
    for drift in range(LOGIT // 2, 3 * LOGIT + 1, LOGIT // 4):
        ways = paths(data, scores, drift)
        for fence in range(8 * LOGIT, 29 * LOGIT, 2 * LOGIT):
            limits = Limits(drift, round(0.4 * fence), fence)
            yield limits, summary([Outcome(path, limits) for path in ways])


# The fence must lie this far above whatever ordinary work has reached under the shipped model.
MARGIN = 1.5


def choose(data, held_out, final):
    """The limits with the least harm under models that never saw the behaviour, among those with a margin under the final one.

    Harm: the share of attacks missed, and of streams fenced falsely (which counts 1.5 times); less, bookmarks and MiB to the fence.
    """

    def harm(figures):
        missed = figures["missed"] / max(1, figures["attack_streams"])
        false = figures["false_fences"] / max(1, figures["streams"])
        bookmarks = figures["false_bookmarks"] / max(1, figures["streams"])
        return missed + 1.5 * false + 0.2 * bookmarks + 0.05 * (figures["median_mib"] or 100) / 8

    table = list(candidates(data, held_out))
    highest = {drift: max(path.calm.max(initial=0) for path in paths(data, final, drift)) for drift in {limits.drift for limits, _ in table}}
    allowed = [entry for entry in table if highest[entry[0].drift] * MARGIN <= entry[0].fence]
    return min(allowed or table, key=lambda entry: harm(entry[1])), table

"""Gradient-boosted trees: trained with LightGBM, then turned into the integers that the sentinel computes with.

Everything is scored with those integers, here too: what is measured is what is shipped.
"""

import concurrent.futures
import dataclasses
import multiprocessing
import re
import struct

import lightgbm
import numpy

LOGIT = 1024
# Amounts and speeds of traffic, and amounts of anything over long times, are of the lab's machine and of the length of its recordings:
# without them, models fare better on behaviours that they haven't seen. What is left are shares, means, and counts of what attacks do.
COUNTED = "head|flipped|wiped|read, replaced random|overrun|trimmed stored"
HIDDEN = re.compile(rf"log (?!{COUNTED})|log (?!head).*\[(10 min|6 h)\]")
# More of these never speaks against an attack.
RISING = ("read, replaced random / written", "flipped / written", "flipped / replaced", "flipped armoured", "log flipped", "wiped / written", "log wiped", "head destroyed")
PARAMETERS = {
    "objective": "binary",
    "learning_rate": 0.08,
    "num_leaves": 31,
    "max_depth": 6,
    "min_data_in_leaf": 40,
    "min_sum_hessian_in_leaf": 40.0,
    "lambda_l2": 30.0,
    "feature_fraction": 0.2,
    "bagging_fraction": 0.6,
    "bagging_freq": 1,
    "max_bin": 63,
    "max_delta_step": 1.0,
    "use_missing": False,
    "seed": 1,
    "deterministic": True,
    "force_col_wise": True,
    "num_threads": 1,
    "verbosity": -1,
}
TREES = 150
LEAF = 0xFFFF


@dataclasses.dataclass
class Forest:
    """Nodes of all trees in arrays. Children lie behind their parents; in a leaf the feature is LEAF and `right` the value."""

    roots: numpy.ndarray
    feature: numpy.ndarray
    threshold: numpy.ndarray
    left: numpy.ndarray
    right: numpy.ndarray

    def scores(self, features):
        """In 1/1024 of a logit, for each row of an array of features."""
        total = numpy.zeros(len(features), numpy.int64)
        # A few thousand rows at a time stay in the processor's cache.
        for start in range(0, len(features), 8192):
            part = numpy.ascontiguousarray(features[start : start + 8192].T)
            columns = numpy.arange(part.shape[1])
            for root in self.roots:
                at = numpy.full(part.shape[1], root)
                feature = self.feature[at]
                while (inner := feature != LEAF).any():
                    goes_left = part[numpy.where(inner, feature, 0), columns] <= self.threshold[at]
                    at = numpy.where(inner, numpy.where(goes_left, self.left[at], self.right[at]), at)
                    feature = self.feature[at]
                total[start : start + 8192] += self.right[at]
        return total

    def pack(self, features, version, drift, bookmark, fence):
        """The bytes of a model, as `crates/sentinel/src/model.rs` describes them."""
        out = bytearray(struct.pack("<4sHHIiiiiI", b"HFSM", 1, features, version, 0, drift, bookmark, fence, len(self.roots)))
        out += self.roots.astype("<u4").tobytes()
        for feature, threshold, left, right in zip(self.feature, self.threshold, self.left, self.right):
            out += struct.pack("<HhIi", feature, threshold, left, right)
        return bytes(out)


def train(features, label, weights, names):
    parameters = dict(PARAMETERS)
    shown = [index for index, name in enumerate(names) if not HIDDEN.match(name)]
    parameters["monotone_constraints"] = [1 if any(word in names[index] for word in RISING) else 0 for index in shown]
    data = lightgbm.Dataset(features[:, shown], label, weight=weights, feature_name=[f"f{index}" for index in shown], params=parameters, free_raw_data=True)
    return lightgbm.train(parameters, data, TREES), shown


def forest(booster, shown):
    """The booster's trees in integers. Features are integers, so that a threshold may be rounded down."""
    roots, nodes = [], []

    def add(node):
        index = len(nodes)
        nodes.append(None)
        if "leaf_value" in node:
            nodes[index] = (LEAF, 0, 0, round(node["leaf_value"] * LOGIT))
            return index
        threshold = int(numpy.clip(numpy.floor(node["threshold"]), -32768, 32767))
        left = add(node["left_child"])
        right = add(node["right_child"])
        nodes[index] = (shown[node["split_feature"]], threshold, left, right)
        return index

    for tree in booster.dump_model()["tree_info"]:
        roots.append(add(tree["tree_structure"]))
    columns = numpy.array(nodes, numpy.int64).T
    return Forest(numpy.array(roots), *columns)


def importances(booster, shown, names):
    """(name, share of the total gain), the greatest first."""
    gains = booster.feature_importance("gain")
    total = gains.sum() or 1
    return sorted(((names[index], float(gain / total)) for index, gain in zip(shown, gains)), key=lambda pair: -pair[1])


def out_of_fold(data, folds, chosen, log):
    """Scores of all rows, each by a model that saw nothing of the row's fold."""
    scores = numpy.full(len(data.rows), -4 * LOGIT, numpy.int64)
    # Forked workers share the rows.
    context = multiprocessing.get_context("fork")
    with concurrent.futures.ProcessPoolExecutor(WORKERS, context, initializer=share, initargs=(data, folds, chosen)) as pool:
        for fold, (held, found) in enumerate(pool.map(without_fold, range(folds.max() + 1))):
            scores[held] = found
            log(f"fold {fold + 1} of {folds.max() + 1}: {len(held)} rows held out")
    return scores


WORKERS = 2
SHARED = []


def share(*values):
    SHARED[:] = values


def without_fold(fold):
    data, folds, chosen = SHARED
    inside = chosen[folds[chosen] != fold]
    held = numpy.flatnonzero((folds == fold) & data.asked)
    booster, shown = train(data.features[inside], data.label[inside], data.weights(inside), data.names)
    return held, forest(booster, shown).scores(data.features[held])

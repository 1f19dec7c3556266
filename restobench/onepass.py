"""One pass over a run's pictures for every value that is not known yet.

Values go into the cache batch by batch, and features picture by picture, so that a kill
costs the batch in hand; what can be compared when all features are there, is compared last.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from restobench.cache import Cache
from restobench.dataset import Sample
from restobench.errors import RestobenchError
from restobench.image import picture_size
from restobench.metrics.registry import Metric, SetValue
from restobench.plausibility import Plausibility
from restobench.reading import Batch, Decoded, Role, Scored, batches, whole_pair
from restobench.summary import Evaluation, Values

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from torch import Tensor

_ERROR = ":standard-error"
"""What is added to a metric's fingerprint where the standard error of its value is kept."""


@dataclass
class OnePass:
    """One pass over the pictures for all that is not known yet."""

    metrics: Sequence[Metric]
    wanted: Sequence[Sample]
    present: Sequence[Scored]
    cache: Cache
    device: str
    evaluation: Evaluation
    found: Values = field(default_factory=dict)
    todo: dict[str, list[Scored]] = field(default_factory=dict)
    """By metric, what it has no value for; of a metric of a set all of its pictures, or none."""
    functions: dict[str, Any] = field(default_factory=dict)
    """By metric, what computes it, where there is something to compute."""
    kept: dict[str, dict[str, NDArray[np.float32]]] = field(default_factory=dict)
    """Features by their kind, then by picture."""
    batch: Batch = field(init=False)
    """The one in hand."""
    stacks: dict[Role, Tensor] = field(default_factory=dict)
    """What of it is on the device already."""

    def values(self, advance: Callable[[int], None]) -> Values:
        """Every value, from the cache where it is known; the rest in one pass over the pictures."""
        for metric in self.metrics:
            self._look_up(metric)
            if self.todo[metric.name]:
                self._load(metric)
        at_work = [metric for metric in self.metrics if metric.name in self.functions]
        plain = [metric for metric in at_work if not metric.card.features]
        comparing = [metric for metric in at_work if metric.card.features]
        for metric in comparing:
            self._look_up_features(metric)

        reading = self._reading(plain, comparing)
        advance(len(self.present) - len(reading))
        unreadable: dict[str, str] = {}
        plausibility = Plausibility()
        if reading:
            from restobench.metrics.precision import as_metrics_compute

            with as_metrics_compute():
                for batch in batches(reading, unreadable, self.device):
                    self.batch, members = batch, batch.members
                    self.stacks.clear()
                    for member in members:
                        if member.seen:
                            plausibility.look(member.scored.sample.id, member.seen)
                    for metric in plain:
                        self._score(metric, members)
                    for kind in dict.fromkeys(metric.features_kind for metric in comparing):
                        self._extract([metric for metric in comparing if metric.features_kind == kind], members)
                    advance(len(members))
        for metric in at_work:
            for scored in self.todo[metric.name]:
                if scored.sample.id in unreadable and not self._has_features(metric, scored):
                    self._errors(metric)[scored.sample.id] = unreadable[scored.sample.id]
        for metric in comparing:
            self._compare(metric)
        self.evaluation.notes += plausibility.notes()
        return self.found

    def _errors(self, metric: Metric) -> dict[str, str]:
        return self.evaluation.errors.setdefault(metric.name, {})

    def _members(self, metric: Metric) -> list[Scored]:
        """The pictures that a metric is over."""
        among = {sample.id for sample in self.wanted[: metric.card.first]}
        return [scored for scored in self.present if scored.sample.id in among]

    def _look_up(self, metric: Metric) -> None:
        reference, members = metric.card.reference, self._members(metric)
        if metric.card.kind == "set":
            whole = whole_pair(members, reference)
            known = self.cache.values(metric.fingerprint, [whole])
            self.found[metric.name] = {"": known[whole]} if known else {}
            self.todo[metric.name] = [] if known else members
            error = self.cache.values(metric.fingerprint + _ERROR, [whole]) if known else {}
            self.evaluation.standard_errors |= {metric.name: error[whole]} if error else {}
        else:
            known = self.cache.values(metric.fingerprint, [scored.pair(reference) for scored in members])
            pairs = {scored.sample.id: scored.pair(reference) for scored in members}
            self.found[metric.name] = {name: known[pair] for name, pair in pairs.items() if pair in known}
            self.todo[metric.name] = [scored for scored in members if scored.pair(reference) not in known]
        self.evaluation.known += len(known)

    def _load(self, metric: Metric) -> None:
        try:
            self.functions[metric.name] = metric.load(self.device)
        except Exception as error:  # a library that breaks when imported must not take the other metrics along
            self.evaluation.absent[metric.name] = _in_words(error)

    def _look_up_features(self, metric: Metric) -> None:
        reference = metric.card.reference
        hashes = [sha256 for scored in self.todo[metric.name] for sha256 in scored.pair(reference) if sha256]
        kept = self.kept.setdefault(metric.features_kind, {})
        kept |= self.cache.features(metric.features_kind, [sha256 for sha256 in hashes if sha256 not in kept])

    def _has_features(self, metric: Metric, scored: Scored) -> bool:
        """Whether all that the metric compares of a sample is there."""
        if not metric.card.features:
            return False
        return all(scored.hashes[role] in self.kept[metric.features_kind] for role in _roles(metric))

    def _reading(self, plain: Sequence[Metric], comparing: Sequence[Metric]) -> list[tuple[Scored, frozenset[Role]]]:
        """Each sample with the roles of its pictures that some metric needs to see."""
        roles: dict[str, set[Role]] = {}
        for metric in plain:
            both: set[Role] = {"restored", metric.card.reference} if metric.card.reference else {"restored"}
            for scored in self.todo[metric.name]:
                roles.setdefault(scored.sample.id, set()).update(both)
        for metric in comparing:
            for scored in self.todo[metric.name]:
                for role in _roles(metric):
                    if scored.hashes[role] not in self.kept[metric.features_kind]:
                        roles.setdefault(scored.sample.id, set()).add(role)
        return [(scored, frozenset(roles[scored.sample.id])) for scored in self.present if scored.sample.id in roles]

    def _score(self, metric: Metric, batch: Sequence[Decoded]) -> None:
        """The values of a batch for a metric that looks at pictures."""
        due = {scored.sample.id for scored in self.todo[metric.name]}
        members = [member for member in batch if member.scored.sample.id in due]
        pieces = [[member] for member in members] if metric.card.one_by_one else [members] if members else []
        for piece in pieces:
            found = self._compute(metric, piece)
            self.found[metric.name] |= found
            self.cache.keep(
                metric.fingerprint,
                {
                    member.scored.pair(metric.card.reference): found[member.scored.sample.id]
                    for member in piece
                    if member.scored.sample.id in found
                },
            )
            self.evaluation.computed += len(found)

    def _compute(self, metric: Metric, members: Sequence[Decoded]) -> dict[str, float]:
        """Values by sample; a batch that fails is tried picture by picture."""
        try:
            for member in members:
                _check_sides(metric, member)
            pictures = [self._stacked(metric, members, role) for role in _roles(metric)]
            numbers = self.functions[metric.name](*pictures).double().cpu().tolist()
        except Exception as error:
            if len(members) > 1:
                merged: dict[str, float] = {}
                for member in members:
                    merged |= self._compute(metric, [member])
                return merged
            self._errors(metric)[members[0].scored.sample.id] = _in_words(error)
            return {}
        return self._numbers(metric, [member.scored for member in members], numbers)

    def _stacked(self, metric: Metric, members: Sequence[Decoded], role: Role) -> Tensor:
        """The pictures of one role on the device, moved once for all metrics that look at them."""
        if role not in self.stacks:
            self.stacks[role] = self.batch.stacks[role].to(self.device)
        whole = self.stacks[role]
        if len(members) < len(self.batch.members):
            places = {one.scored.sample.id: place for place, one in enumerate(self.batch.members)}
            return whole[[places[one.scored.sample.id] for one in members]]
        # What somebody else wrote may write into its input.
        ours = metric.plugin.distribution == "restobench" and not metric.card.library
        return whole if ours else whole.clone()

    def _numbers(self, metric: Metric, members: Sequence[Scored], numbers: Sequence[float]) -> dict[str, float]:
        """By sample; what is no number is an error of that sample."""
        found = {}
        for scored, number in zip(members, numbers, strict=True):
            if np.isnan(number):
                self._errors(metric)[scored.sample.id] = f"{metric.name} gave no number."
            else:
                found[scored.sample.id] = number
        return found

    def _extract(self, metrics: Sequence[Metric], batch: Sequence[Decoded]) -> None:
        """The features of a batch, once for all metrics that compare features of this kind."""
        metric = metrics[0]
        kept = self.kept[metric.features_kind]
        for role in dict.fromkeys(role for each in metrics for role in _roles(each)):
            due = {scored.sample.id for each in metrics for scored in self.todo[each.name] if role in _roles(each)}
            new = {
                member.scored.hashes[role]: member
                for member in batch
                if role in member.arrays and member.scored.sample.id in due and member.scored.hashes[role] not in kept
            }
            fresh = self._features(metrics, role, new)
            kept |= fresh
            self.cache.keep_features(metric.features_kind, fresh)
            self.evaluation.features += len(fresh)

    def _features(
        self, metrics: Sequence[Metric], role: Role, members: Mapping[str, Decoded]
    ) -> dict[str, NDArray[np.float32]]:
        """By picture; a batch that fails is tried picture by picture."""
        if not members:
            return {}
        try:
            for member in members.values():
                _check_sides(metrics[0], member, role)
            pictures = self._stacked(metrics[0], list(members.values()), role)
            vectors = self.functions[metrics[0].name].features(pictures).float().cpu().numpy()
        except Exception as error:
            if len(members) > 1:
                merged: dict[str, NDArray[np.float32]] = {}
                for picture, member in members.items():
                    merged |= self._features(metrics, role, {picture: member})
                return merged
            (picture,) = members
            for metric in metrics:
                for scored in self.todo[metric.name]:
                    if scored.hashes.get(role) == picture and role in _roles(metric):
                        self._errors(metric)[scored.sample.id] = _in_words(error)
            return {}
        return dict(zip(members, vectors, strict=True))

    def _compare(self, metric: Metric) -> None:
        """The values of a metric that compares features, when all features are there."""
        import torch

        kept = self.kept[metric.features_kind]
        members = [scored for scored in self.todo[metric.name] if self._has_features(metric, scored)]
        if metric.card.kind == "full-reference":
            members = [scored for scored in members if self._is_of_one_size(metric, scored)]
        if not members:
            return
        vectors = [
            torch.from_numpy(np.stack([kept[scored.hashes[role]] for scored in members])) for role in _roles(metric)
        ]
        try:
            result = self.functions[metric.name].compare(*vectors, *[None] * (2 - len(vectors)))
        except Exception as error:
            self.evaluation.absent[metric.name] = _in_words(error)
            return
        reference = metric.card.reference
        if isinstance(result, SetValue):
            self._keep_set_value(metric, members, result)
            return
        found = self._numbers(metric, members, result.double().tolist())
        self.found[metric.name] |= found
        pairs = {scored.pair(reference): found[scored.sample.id] for scored in members if scored.sample.id in found}
        self.cache.keep(metric.fingerprint, pairs)
        self.evaluation.computed += len(found)

    def _is_of_one_size(self, metric: Metric, scored: Scored) -> bool:
        """Whether the pictures of a pair are of one size: features alone would not show that they are not."""
        ours, theirs = (picture_size(scored.paths[role]) for role in _roles(metric))
        if ours != theirs and ours and theirs:
            self._errors(metric)[scored.sample.id] = (
                f"The restored picture is {ours[0]} x {ours[1]} and the clean one {theirs[0]} x {theirs[1]}; they must "
                "be of one size, for pictures are never resized before they are compared."
            )
        return ours == theirs

    def _keep_set_value(self, metric: Metric, members: Sequence[Scored], result: SetValue) -> None:
        if np.isnan(result.value):
            self.evaluation.absent[metric.name] = f"{metric.name} gave no number."
            return
        self.found[metric.name][""] = result.value
        self.evaluation.computed += 1
        # A value over fewer pictures than there are is not the set's.
        whole = whole_pair(members, metric.card.reference) if not self.evaluation.errors.get(metric.name) else None
        if whole:
            self.cache.keep(metric.fingerprint, {whole: result.value})
        if result.standard_error is not None:
            self.evaluation.standard_errors[metric.name] = result.standard_error
            if whole:
                self.cache.keep(metric.fingerprint + _ERROR, {whole: result.standard_error})


def _roles(metric: Metric) -> tuple[Role, ...]:
    return ("restored", metric.card.reference) if metric.card.reference else ("restored",)


def _check_sides(metric: Metric, member: Decoded, role: Role = "restored") -> None:
    height, width = member.arrays[role].shape[:2]
    if min(height, width) < metric.card.min_side:
        raise RestobenchError(
            f"The sides must have at least {metric.card.min_side} pixels; they have {width} x {height}."
        )


def _in_words(error: Exception) -> str:
    return str(error) if isinstance(error, RestobenchError) else f"{type(error).__name__}: {error}"

"""Prometheus metrics. What the database knows is the same in every worker; requests are this worker's own.

https://prometheus.io/docs/instrumenting/exposition_formats/
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping

from prometheus_client import CollectorRegistry, Histogram, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric

from agent_ops.domain.durations import SERVICES, STEPS, Counted
from agent_ops.domain.facts import Facts

_PREFIX = "agent_ops"
_WORKER = str(os.getpid())


class Meters:
    """Counts what this worker serves."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        self._registry.register(_OfThisWorker())
        self._requests = Histogram(
            f"{_PREFIX}_request_seconds",
            "How long requests took, by this worker.",
            ["method", "route", "status", "worker"],
            registry=self._registry,
        )

    def served(self, method: str, route: str, status: int, seconds: float) -> None:
        """One request was answered."""
        self._requests.labels(_known(method), route, str(status), _WORKER).observe(seconds)

    def text(self, facts: Facts) -> bytes:
        """Everything, as Prometheus reads it."""
        registry = CollectorRegistry()
        registry.register(_Told(facts))
        return generate_latest(registry) + generate_latest(self._registry)


class _Told:
    """A collector over facts that were read before."""

    def __init__(self, facts: Facts) -> None:
        self._facts = facts

    def collect(self) -> Iterable[Metric]:
        """The metrics, one after the other."""
        facts = self._facts
        yield _gauge("runs", "Runs by their status.", ["status"], {(k,): n for k, n in facts.runs.items()})
        yield _gauge("queue_depth", "Runs that are due and that nobody drives.", [], {(): facts.queued})
        yield _gauge("breakers_open", "Breakers that hold runs.", [], {(): facts.breakers})
        yield _gauge("pauses", "Changes that an administrator stopped.", [], {(): facts.pauses})
        yield _gauge("outbox", "Mails that the mail server has not taken yet.", [], {(): facts.outbox})
        yield _gauge("webhooks_waiting", "Webhook messages that no receiver has taken yet.", [], {(): facts.webhooks_waiting})
        yield _gauge("webhooks_oldest_seconds", "Since what the oldest of them tells of.", [], {(): facts.webhooks_oldest})
        yield _by_outcome("webhook_deliveries", "Tries to deliver a webhook message, by how they ended.", facts.webhooks)
        yield _counter("denials", "What runs asked for and were denied.", facts.denials)
        yield _counter("retries", "Attempts beyond an effect's first.", facts.retries)
        yield _counter("lease_takeovers", "Runs that were taken over: their driver was lost.", facts.takeovers)
        yield _counter("model_calls", "Calls to a chat model.", facts.model.calls)
        yield _counter("model_tokens", "Tokens of chat models, both ways.", facts.model.tokens)
        yield _histogram("effect_seconds", "From an effect's intent to its end.", ["action", "state"], facts.effects)


class _OfThisWorker:
    """A collector over what this process counted itself."""

    def collect(self) -> Iterable[Metric]:
        """The metrics, one after the other."""
        yield _histogram("step_seconds", "Agents' steps, driven by this worker.", ["agent", "outcome", "worker"], STEPS.read())
        yield _histogram("service_seconds", "This worker's calls.", ["service", "status", "worker"], SERVICES.read())


def _gauge(name: str, words: str, labels: list[str], values: dict[tuple[str, ...], float]) -> Metric:
    family = GaugeMetricFamily(f"{_PREFIX}_{name}", words, labels=labels)
    for label, value in values.items():
        family.add_metric(list(label), value)
    return family


def _counter(name: str, words: str, value: int) -> Metric:
    return CounterMetricFamily(f"{_PREFIX}_{name}", words, value=value)


def _histogram(name: str, words: str, labels: list[str], values: Mapping[tuple[str, str], Counted]) -> Metric:
    """A third label is the worker's."""
    family = HistogramMetricFamily(f"{_PREFIX}_{name}", words, labels=labels)
    for label, (buckets, total) in values.items():
        family.add_metric([*label, _WORKER][: len(labels)], list(buckets), total)
    return family


def _by_outcome(name: str, words: str, values: Mapping[str, int]) -> Metric:
    family = CounterMetricFamily(f"{_PREFIX}_{name}", words, labels=["outcome"])
    for outcome, value in values.items():
        family.add_metric([outcome], value)
    return family


def _known(method: str) -> str:
    """A method, or 'other': a stranger's words make no time series."""
    return method if method in ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS") else "other"

"""A run as Prometheus reads it: ``--metrics [HOST:]PORT``, by Prometheus' own client library.

    LaneSnapshot ──once a second──> Metrics ──asked over HTTP──> text format

What holds here, always:

1. A label is a lane, an outcome or what binds: never an ID, a key or an address.
2. Whoever asks reads a value that is kept, in a thread of its own; the run waits for nobody.

Counters are of this run. Not here: how a lane goes (`engine.snapshot`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from bulkdel.engine.snapshot import LaneSnapshot
from bulkdel.errors import ConfigError
from bulkdel.version import __version__

if TYPE_CHECKING:
    from prometheus_client.metrics_core import Metric

LOOPBACK: Final = "127.0.0.1"
_OUTCOMES: Final = ("deleted", "gone", "failed", "invalid", "skipped", "duplicates")


def parse_address(text: str) -> tuple[str, int]:
    """Read ``[HOST:]PORT``; without a host only this machine can ask.

    Raises:
        ConfigError: It is none.
    """
    host, _, port = text.rpartition(":")
    if not (port.isascii() and port.isdigit()) or not 0 < int(port) < 65536:
        raise ConfigError(f"--metrics takes [HOST:]PORT, as 9400 or 0.0.0.0:9400, not {text!r}")
    return host.strip("[]") or LOOPBACK, int(port)


class Metrics:
    """What Prometheus is told; `update` it now and then."""

    def __init__(self) -> None:
        self._lanes: Mapping[str, LaneSnapshot] = {}

    def update(self, lanes: Mapping[str, LaneSnapshot]) -> None:
        """Take how the lanes are going."""
        self._lanes = dict(lanes)

    def collect(self) -> Iterator[Metric]:
        """Yield the metrics; Prometheus' registry calls it."""
        from prometheus_client import core

        lanes = self._lanes
        info = core.InfoMetricFamily("bulkdel_run", "The run.", value={"version": __version__})
        ids = core.CounterMetricFamily(
            "bulkdel_ids",
            "IDs that have ended, by what became of them.",
            labels=["lane", "outcome"],
        )
        requests = core.CounterMetricFamily("bulkdel_requests", "Requests sent.", labels=["lane"])
        refused = core.CounterMetricFamily(
            "bulkdel_requests_refused",
            "Requests that the provider's limit refused.",
            labels=["lane"],
        )
        seconds = core.CounterMetricFamily(
            "bulkdel_lane_seconds", "Where the time of a lane has gone.", labels=["lane", "bound"]
        )
        gauges = {
            "in_flight": core.GaugeMetricFamily(
                "bulkdel_requests_in_flight", "Requests without an answer yet.", labels=["lane"]
            ),
            "waiting": core.GaugeMetricFamily(
                "bulkdel_ids_waiting", "IDs that wait for another attempt.", labels=["lane"]
            ),
            "places": core.GaugeMetricFamily(
                "bulkdel_requests_in_flight_max",
                "Most requests in flight that the user allows.",
                labels=["lane"],
            ),
            "rate": core.GaugeMetricFamily(
                "bulkdel_pace_requests_per_second",
                "What the pace aims at; infinity when nothing binds.",
                labels=["lane"],
            ),
        }
        pending = core.GaugeMetricFamily(
            "bulkdel_ids_pending", "IDs that were read and have not ended.", labels=["lane"]
        )
        limit = core.GaugeMetricFamily(
            "bulkdel_limit_requests_per_second",
            "The provider's limit, once it is known.",
            labels=["lane"],
        )
        held = core.GaugeMetricFamily(
            "bulkdel_lane_paused",
            "1 while a lane sends nothing, or nothing but probes.",
            labels=["lane"],
        )
        stopped = core.GaugeMetricFamily(
            "bulkdel_lane_stopped", "1 if a lane has stopped early.", labels=["lane"]
        )
        for name, lane in lanes.items():
            for outcome in _OUTCOMES:
                ids.add_metric([name, outcome], getattr(lane.counts, outcome))
            requests.add_metric([name], lane.counts.requests)
            refused.add_metric([name], lane.counts.refused)
            for bound, spent_s in lane.bound_s.items():
                seconds.add_metric([name, bound], spent_s)
            for field, gauge in gauges.items():
                value = getattr(lane, field)
                if value is not None:
                    gauge.add_metric([name], value)
            pending.add_metric([name], lane.counts.pending)
            if lane.learned is not None and lane.learned.rate:
                limit.add_metric([name], lane.learned.rate)
            held.add_metric([name], lane.held_for is not None or lane.paused)
            stopped.add_metric([name], lane.stop is not None)
        yield from (info, ids, requests, refused, seconds, *gauges.values())
        yield from (pending, limit, held, stopped)

    @contextmanager
    def served(self, host: str, port: int) -> Iterator[None]:
        """Answer at ``http://HOST:PORT/metrics`` for as long as it is open.

        Raises:
            ConfigError: The library is missing, or the port is taken.
        """
        try:
            from prometheus_client import CollectorRegistry, start_http_server
        except ImportError:
            raise ConfigError(
                "--metrics needs Prometheus' client library: pip install 'bulkdel[metrics]'"
            ) from None
        registry = CollectorRegistry()
        registry.register(self)
        try:
            server, thread = start_http_server(port, addr=host, registry=registry)
        except OSError as exc:
            raise ConfigError(f"--metrics {host}:{port}: {exc.strerror or exc}") from exc
        try:
            yield
        finally:
            server.shutdown()
            server.server_close()
            thread.join()

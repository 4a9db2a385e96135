from __future__ import annotations

from storm_compat import conf as confs
from storm_compat.java_settings import not_run
from tests.storm_compat.builders import word_count


def test_java_code_beside_the_components_is_named() -> None:
    conf = {
        "topology.metrics.consumer.register": [
            None,
            {"class": "org.apache.storm.metric.LoggingMetricsConsumer"},
            {"class": "org.x.Graphite"},
        ],
        "topology.event.logger.register": [{"class": "org.x.Events"}],
        "topology.auto.task.hooks": ["org.x.A", "org.x.B"],
        "topology.multilang.log.handler": "org.x.Handler",
    }
    code = word_count()
    code.worker_hooks = [b"x"]
    assert not_run(conf, code) == (
        "runs without what is Java code: topology.metrics.consumer.register (org.x.Graphite); "
        "topology.event.logger.register (org.x.Events); topology.auto.task.hooks (org.x.A, org.x.B); "
        "topology.multilang.log.handler (org.x.Handler); worker hooks"
    )


def test_what_is_built_in_or_not_set_is_no_reason_to_speak() -> None:
    assert not_run(confs.cluster({}), word_count()) == ""
    conf = {
        "topology.metrics.consumer.register": [{"class": "org.apache.storm.metric.LoggingMetricsConsumer"}],
        "topology.event.logger.register": [{"class": "org.apache.storm.metric.FileBasedEventLogger"}],
        "topology.multilang.log.handler": "org.apache.storm.utils.DefaultShellLogHandler",
    }
    assert not_run(conf, word_count()) == ""

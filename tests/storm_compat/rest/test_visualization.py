from storm_compat import stats
from storm_compat.rest.visualization import graph, sanitized, stream_boxes
from storm_compat.system import with_system_parts
from tests.storm_compat.builders import word_count
from tests.storm_compat.rest.answers import ANSWER
from tests.storm_compat.views import MACHINE, NOW, alive

INFO = stats.topology_info(alive(), ANSWER, MACHINE, NOW)
CODE = with_system_parts(word_count(), alive().kept.topology.conf)


def test_a_node_for_each_component_of_the_user() -> None:
    nodes = graph(CODE, INFO, ":all-time", has_system=False)
    assert nodes.keys() == {"words", "count"}
    words, count = nodes["words"], nodes["count"]
    keys = {":type", ":capacity", ":latency", ":transferred", ":stats", ":link", ":inputs"}
    assert words.keys() == count.keys() == keys
    assert (words[":type"], count[":type"]) == ("spout", "bolt")
    assert words[":transferred"] == {"default": 18}
    assert words[":latency"] == {"default": 1.5}
    assert count[":latency"] == {"words:default": 8 * 1.5 / 9}
    edge = {":component": "words", ":stream": "default", ":sani-stream": "default", ":grouping": "fields"}
    assert edge in count[":inputs"]
    assert count[":link"] == "/component.html?id=count&topology_id=wc-1-17"
    assert [executor[":port"] for executor in count[":stats"]] == [6700, 6701]


def test_the_system_is_shown_only_if_asked_for() -> None:
    nodes = graph(CODE, INFO, ":all-time", has_system=True)
    assert "__acker" in nodes
    assert nodes["words"][":transferred"] == {"default": 18, "__own": 4}


def test_the_capacity_is_that_of_the_busiest_executor() -> None:
    info = stats.topology_info(alive(), ANSWER, MACHINE, NOW)
    first, second = [e for e in info.executors if e.component_id == "count"]
    for executor, average in ((first, 100.0), (second, 300.0)):
        bolt = executor.stats.specific.bolt
        bolt.execute_ms_avg = {"600": dict.fromkeys(bolt.executed["600"], average)}
    # 9 tuples of 100 ms, and 1 of 300 ms, within 4 s
    assert graph(CODE, info, ":all-time", has_system=False)["count"][":capacity"] == 9 * 100.0 / 4000


def test_an_executor_without_numbers_has_none() -> None:
    info = stats.topology_info(alive(), ANSWER, MACHINE, NOW)
    for executor in info.executors:
        executor.stats = None
    count = graph(CODE, info, ":all-time", has_system=False)["count"]
    assert (count[":capacity"], count[":transferred"]) == (0.0, {})
    assert count[":stats"][0][":transferred"] is None


def test_streams_come_in_rows_of_four() -> None:
    nodes = {"b": {":inputs": [{":stream": name} for name in ("a", "b", "c", "d", "__e")]}}
    rows = [row[":row"] for row in stream_boxes(nodes)["visualizationTable"]]
    assert [len(row) for row in rows] == [4, 1]
    assert rows[0][0] == {":stream": "__e", ":sani-stream": "_s__e", ":checked": False}
    assert rows[1][0] == {":stream": "d", ":sani-stream": "d", ":checked": True}


def test_names_of_streams_become_ids() -> None:
    names = [sanitized(name) for name in ("default", "a:b 1", "__ack", "")]
    assert names == ["default", "a_b__", "_s__ack", "_s"]

"""The files of a new project: a word count in streamparse's layout, with tests.

Source of the layout: streamparse:streamparse/bootstrap (sparse quickstart)
"""

from __future__ import annotations

import json
from string import Template
from typing import Final


def files(name: str) -> dict[str, str]:
    """Return path -> text of a project; ``name`` is that of its topology, too."""
    class_name = "".join(part.capitalize() for part in name.split("_"))
    if class_name in _IMPORTED:
        class_name = f"My{class_name}"
    words = {"name": name, "class_name": class_name}
    return {
        Template(path).substitute(words): Template(text).substitute(words) for path, text in _FILES.items()
    }


_IMPORTED: Final = ("Grouping", "Topology", "WordCountBolt", "WordSpout")
"""What the file of the topology has by these names already."""

_CONFIG: Final = {
    "serializer": "json",
    "topology_specs": "topologies/",
    "virtualenv_specs": "virtualenvs/",
    "envs": {
        "prod": {
            "user": "",
            "nimbus": "127.0.0.1:6627",
            "use_ssh_for_nimbus": False,
            "use_virtualenv": False,
            "virtualenv_root": "",
            "workers": [],
            "log": {"path": "", "max_bytes": 1000000, "backup_count": 10, "level": "info"},
        }
    },
}

_README: Final = """\
# $name

A streamparse project: topologies/ says what feeds what, src/ has the code, tests/ tries it.

    heronry run .                 run it here, until Ctrl-C
    python -m pytest              try its components and the whole topology, without a cluster
    heronry dev                   in another terminal: a cluster, to which
    heronry submit .              it can be submitted

`sparse` works on it, too: `sparse submit` sends it to the Nimbus of config.json.
"""

_WORDS: Final = '''\
"""Where the words come from."""

from itertools import cycle

from streamparse import ReliableSpout


class WordSpout(ReliableSpout):
    """Emits words in turn; one that fails is emitted again."""

    outputs = ["word"]

    def initialize(self, stormconf, context):
        self.words = cycle(["dog", "cat", "zebra", "elephant"])
        self.count = 0
        self.most = stormconf.get("$name.words")

    def next_tuple(self):
        if self.most is not None and self.count >= self.most:
            return
        self.count += 1
        self.emit([next(self.words)], tup_id=self.count)
'''

_COUNT: Final = '''\
"""What is done with the words."""

from collections import Counter

from streamparse import Bolt


class WordCountBolt(Bolt):
    """Emits each word with how often it has come."""

    outputs = ["word", "count"]

    def initialize(self, conf, ctx):
        self.counter = Counter()
        self.total = 0

    def process(self, tup):
        word = tup.values[0]
        self.counter[word] += 1
        self.total += 1
        if self.total % 10000 == 0:
            self.logger.info("counted %s words", f"{self.total:,}")
        self.emit([word, self.counter[word]])
'''

_TOPOLOGY: Final = '''\
"""What feeds what."""

from bolts.wordcount import WordCountBolt
from spouts.words import WordSpout
from streamparse import Grouping, Topology


class $class_name(Topology):
    word_spout = WordSpout.spec()
    count_bolt = WordCountBolt.spec(inputs={word_spout: Grouping.fields("word")}, par=2)
    config = {"topology.max.spout.pending": 500}
'''

_TESTS: Final = '''\
"""Tests without a cluster; the fixtures are Heronry's."""

from bolts.wordcount import WordCountBolt
from $name import $class_name
from spouts.words import WordSpout


def test_words_are_counted(component):
    count = component(WordCountBolt, inputs=["word"])

    done = count.send(["dog"], ["cat"], ["dog"])

    assert done.emitted == [["dog", 1], ["cat", 1], ["dog", 2]]
    assert done.acked == [["dog"], ["cat"], ["dog"]]


def test_a_word_that_fails_comes_again(component):
    words = component(WordSpout)
    assert words.next().emitted == [["dog"]]

    assert words.fail(1).emitted == [["dog"]]


def test_all_words_arrive(topology):
    words = topology($class_name, conf={"$name.words": 100})

    words.drain()

    assert len(words["word_spout"].acked) == 100
    assert ["dog", 25] in words["count_bolt"].emitted
'''

_PROJECT: Final = """\
(defproject $name "0.0.1-SNAPSHOT"
  :resource-paths ["_resources"]
  :target-path "_build"
  :min-lein-version "2.0.0"
  :jvm-opts ["-client"]
  :dependencies  [[org.apache.storm/storm-core "1.1.0"]
                  [org.apache.storm/flux-core "1.1.0"]]
  :jar-exclusions     [#"log4j\\.properties" #"org\\.apache\\.storm\\.(?!flux)" #"trident"
                       #"META-INF" #"meta-inf" #"\\.yaml"]
  :uberjar-exclusions [#"log4j\\.properties" #"org\\.apache\\.storm\\.(?!flux)" #"trident"
                       #"META-INF" #"meta-inf" #"\\.yaml"]
  )
"""

_FABFILE: Final = '''\
"""What `sparse submit` calls around a submission."""


def pre_submit(topology_name, env_name, env_config, options):
    """Called before."""


def post_submit(topo_name, env_name, env_config, options):
    """Called behind it."""
'''

_FILES: Final = {
    ".gitignore": ".DS_Store\n__pycache__/\n.pytest_cache/\n_build\n_resources\nlogs\n",
    "README.md": _README,
    "config.json": json.dumps(_CONFIG, indent=4) + "\n",
    "project.clj": _PROJECT,
    "fabfile.py": _FABFILE,
    "pytest.ini": "[pytest]\npythonpath = src topologies\n",
    "src/bolts/__init__.py": "",
    "src/bolts/wordcount.py": _COUNT,
    "src/spouts/__init__.py": "",
    "src/spouts/words.py": _WORDS,
    "topologies/$name.py": _TOPOLOGY,
    "tests/test_wordcount.py": _TESTS,
    "virtualenvs/$name.txt": "streamparse  # always required for streamparse projects\n",
}

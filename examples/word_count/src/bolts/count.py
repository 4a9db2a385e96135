"""A bolt with state: counts words, in memory, from nothing each time its process starts.

Topology option `word_count.result_file`: a folder. When it is set, each task keeps its counts in a file
there, `<task id>.json`, one JSON object of word to count. At each tick that finds something new the file is
replaced as a whole, so a reader never sees half of one. It is complete one tick after the last word: whoever
wants exact counts waits until those of all files add up to the number of words sent.
"""

import json
import os
from collections import Counter
from pathlib import Path

from streamparse import Bolt


class CountBolt(Bolt):
    """Emits every word with the number of times that this task has seen it."""

    outputs = ["word", "count"]

    def initialize(self, storm_conf, context):
        self.counts = Counter()
        self.has_news = True
        self.result_path = None
        folder = storm_conf.get("word_count.result_file")
        if folder:
            self.result_path = Path(folder) / f"{self.task_id}.json"
            self.result_path.parent.mkdir(parents=True, exist_ok=True)

    def process(self, tup):
        word = tup.values[0]
        self.counts[word] += 1
        self.has_news = True
        self.emit([word, self.counts[word]])

    def process_tick(self, tup):
        if self.has_news and self.result_path:
            unfinished = self.result_path.with_suffix(f".{os.getpid()}.part")
            unfinished.write_text(json.dumps(self.counts, sort_keys=True), encoding="utf-8")
            unfinished.replace(self.result_path)
            self.has_news = False

"""A bolt without state: splits each sentence into its words."""

from streamparse import Bolt


class SplitBolt(Bolt):
    """Emits each word by itself, anchored to its sentence, which is acked after the last word."""

    outputs = ["word"]

    def process(self, tup):
        for word in tup.values[0].split():
            self.emit([word])

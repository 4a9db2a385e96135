"""All of streamparse's DSL that needs no JVM."""

from parts import Batched, Sentences, Split, Timed, Written
from streamparse import Grouping, Topology


class Everything(Topology):
    sentences = Sentences.spec()
    split = Split.spec(inputs=[sentences], par=2)
    chosen = Written.spec(inputs={split["chosen"]: Grouping.DIRECT}, par=2)
    bad = Written.spec(inputs={split["bad"]: Grouping.GLOBAL})
    batched = Batched.spec(
        inputs={split: Grouping.fields("word")}, par=2, config={"topology.tick.tuple.freq.secs": 1}
    )
    timed = Timed.spec(inputs={split: Grouping.fields("word")})
    by_ticks = Written.spec(inputs={batched: Grouping.fields("word")}, par=2)
    by_time = Written.spec(inputs={timed: Grouping.LOCAL_OR_SHUFFLE})

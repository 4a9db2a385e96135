"""The three libraries that authors write on."""

import pystorm
import pytest
import streamparse
from pystorm.bolt import BatchingBolt, TicklessBatchingBolt

import multilang.client


class Library:
    def __init__(self, module, batching, tickless):
        self.Bolt, self.Spout, self.ReliableSpout = module.Bolt, module.Spout, module.ReliableSpout
        self.BatchingBolt, self.TicklessBatchingBolt = batching, tickless


LIBRARIES = {
    "pystorm": Library(pystorm, BatchingBolt, TicklessBatchingBolt),
    "streamparse": Library(streamparse, streamparse.BatchingBolt, streamparse.TicklessBatchingBolt),
    "client": Library(multilang.client, multilang.client.BatchingBolt, multilang.client.TicklessBatchingBolt),
}


@pytest.fixture(params=list(LIBRARIES))
def library(request):
    return LIBRARIES[request.param]

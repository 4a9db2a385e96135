"""Tests of topologies for their authors: in this process, or on a real cluster; fixtures for pytest."""

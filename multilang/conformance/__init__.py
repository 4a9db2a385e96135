"""Plays the host to one component and tells, rule by rule, whether it keeps the multilang protocol.

    rules (what is said, what must come) -> Host (one process, its pipes) -> Finding (verdict, transcript)

For authors of components and of libraries in any language.  Each rule starts
the component anew, so that one cannot spoil another.
"""

"""Writes the samples anew, with Java and Maven: `python -m tests.multilang.java_objects.record`."""

from __future__ import annotations

from pathlib import Path

from tests.compat import jvm

HERE = Path(__file__).parent

if __name__ == "__main__":
    for version, flux in (("1.2.4", "1.2.3"), ("2.8.2", "2.4.0")):
        path = [*jvm.class_path(f"storm-{version}"), *jvm.class_path(f"flux-{flux}")]
        classes = jvm.compiled(HERE / "SampleObjects.java", path)
        folder = HERE / f"storm-{version}"
        folder.mkdir(exist_ok=True)
        done = jvm.run("SampleObjects", str(folder), path=[classes, *path])
        assert done.code == 0, done.output

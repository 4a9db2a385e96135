"""The jar of a project, built without Java."""

import zipfile

from storm_compat.cli.jar import build_jar


def write(root, **files):
    for name, text in files.items():
        path = root / name.replace("__", "/").replace("_py", ".py")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return root


def names(jar):
    with zipfile.ZipFile(jar) as archive:
        return archive.namelist()


def test_sources_lie_under_resources(tmp_path):
    src = write(tmp_path / "src", bolts__count_py="print(1)", top_py="x")
    assert build_jar(src, tmp_path / "x.jar") == 2
    assert names(tmp_path / "x.jar") == [
        "META-INF/MANIFEST.MF",
        "resources/bolts/count.py",
        "resources/top.py",
    ]
    with zipfile.ZipFile(tmp_path / "x.jar") as archive:
        assert archive.read("resources/bolts/count.py") == b"print(1)"
        assert archive.testzip() is None


def test_what_python_and_version_control_leave_behind_stays_out(tmp_path):
    src = write(tmp_path / "src", a_py="x")
    for name in ("__pycache__/a.cpython-311.pyc", ".git/config", "deep/.svn/entries", "a.pyc", "a.py~"):
        (src / name).parent.mkdir(parents=True, exist_ok=True)
        (src / name).write_text("x")
    assert build_jar(src, tmp_path / "x.jar") == 1


def test_the_same_sources_make_the_same_bytes(tmp_path):
    one = write(tmp_path / "one", a_py="x", b__c_py="y")
    two = write(tmp_path / "two", b__c_py="y", a_py="x")
    build_jar(one, tmp_path / "1.jar")
    build_jar(two, tmp_path / "2.jar")
    assert (tmp_path / "1.jar").read_bytes() == (tmp_path / "2.jar").read_bytes()


def test_scripts_stay_executable(tmp_path):
    src = write(tmp_path / "src", run_sh="x", data="y")
    (src / "run_sh").chmod(0o700)
    build_jar(src, tmp_path / "x.jar")
    with zipfile.ZipFile(tmp_path / "x.jar") as archive:
        modes = {i.filename: i.external_attr >> 16 for i in archive.infolist()}
    assert (modes["resources/run_sh"], modes["resources/data"]) == (0o755, 0o644)


def test_links_are_followed_but_not_round_and_round(tmp_path):
    src = write(tmp_path / "src", a_py="x")
    shared = write(tmp_path / "shared", b_py="y")
    (src / "shared").symlink_to(shared)
    (shared / "back").symlink_to(src)
    (src / "self").symlink_to(src)
    (src / "broken").symlink_to(tmp_path / "nowhere")
    assert build_jar(src, tmp_path / "x.jar") == 2
    assert names(tmp_path / "x.jar")[1:] == ["resources/a.py", "resources/shared/b.py"]

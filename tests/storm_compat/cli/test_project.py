"""A streamparse project as sparse reads it."""

import json

import pytest

from storm_compat.cli.exit_codes import CommandError, ExitCode
from storm_compat.cli.project import Project, open_project, option_value, submission_conf


def project(root, names=("one",), **config):
    (root / "topologies").mkdir()
    for name in names:
        (root / "topologies" / f"{name}.py").write_text("")
    (root / "config.json").write_text(json.dumps({"envs": {}, **config}))
    return open_project(root)


def conf(environment=None, topology=None, options=None, **names):
    return submission_conf(
        environment or {}, topology or {}, options or {}, name=names.get("name", "run"),
        original_name="wc", hosts=names.get("hosts", ("here",)),
    )  # fmt: skip


def test_the_only_topology_needs_no_name(tmp_path):
    assert project(tmp_path).topology_file(None) == tmp_path / "topologies" / "one.py"


def test_several_topologies_are_listed_and_one_must_be_named(tmp_path):
    made = project(tmp_path, ["b", "a", "__init__"])
    with pytest.raises(CommandError) as raised:
        made.topology_file(None)
    assert raised.value.code is ExitCode.USAGE
    assert raised.value.advice == "It has: a, b\nName one with --topology."
    assert made.topology_file("b").name == "b.py"


def test_an_unknown_topology_is_met_with_the_known_ones(tmp_path):
    with pytest.raises(CommandError, match="has no topology 'two'") as raised:
        project(tmp_path).topology_file("two")
    assert raised.value.advice == "It has: one"


def test_a_project_without_topologies_says_where_they_belong(tmp_path):
    with pytest.raises(CommandError, match="defines no topology"):
        project(tmp_path, []).topology_file(None)


def test_a_folder_without_config_is_no_project(tmp_path):
    with pytest.raises(CommandError, match=r"it has no config\.json"):
        open_project(tmp_path)


@pytest.mark.parametrize("text", ["{", "[]", "\x00"])
def test_an_unreadable_config_is_reported_with_its_path(tmp_path, text):
    (tmp_path / "config.json").write_text(text)
    with pytest.raises(CommandError, match=r"config\.json"):
        open_project(tmp_path)


def test_the_only_environment_needs_no_name(tmp_path):
    made = Project(tmp_path, {"envs": {"prod": {"nimbus": "x"}}})
    assert made.environment(None) == ("prod", {"nimbus": "x"})
    assert Project(tmp_path, {}).environment(None) == (None, {})


def test_several_environments_are_listed(tmp_path):
    made = Project(tmp_path, {"envs": {"prod": {}, "beta": {}}})
    with pytest.raises(CommandError) as raised:
        made.environment(None)
    assert raised.value.advice == "config.json has: prod, beta\nName one with -e."
    with pytest.raises(CommandError, match="no environment 'x'"):
        made.environment("x")


@pytest.mark.parametrize(
    ("envs", "what"),
    [
        (["prod"], "envs"),
        ({"prod": "x"}, "envs.prod"),
        ({"prod": {"options": ["a=1"]}}, "envs.prod.options"),
        ({"prod": {"log": "/var/log"}}, "envs.prod.log"),
    ],
)
def test_an_environment_of_another_shape_is_named(tmp_path, envs, what):
    with pytest.raises(CommandError, match=rf"config\.json: {what} must be an object"):
        Project(tmp_path, {"envs": envs}).environment(None)


def test_an_environment_of_nothing_says_nothing(tmp_path):
    assert Project(tmp_path, {"envs": {"prod": None}}).environment(None) == ("prod", {})


def test_the_command_line_wins_over_the_topology_and_that_over_the_environment():
    found = conf({"options": {"a": 1, "b": 1, "c": 1}}, {"b": 2, "c": 2}, {"c": 3})
    assert (found["a"], found["b"], found["c"]) == (1, 2, 3)


def test_nothing_said_means_one_container_and_the_ackers_nimbus_chooses():
    assert conf() == {
        "sudo_user": None,
        "storm.workers.list": ["here"],
        "topology.workers": 1,
        "topology.acker.executors": None,
        "topology.original_name": "wc",
    }


def test_debugging_a_topology_debugs_its_components():
    assert conf({"log": {"level": "INFO"}})["pystorm.log.level"] == "info"
    assert conf({"log": {"level": "INFO"}}, {}, {"topology.debug": True})["pystorm.log.level"] == "debug"


@pytest.mark.slow
@pytest.mark.timeout(60)
@pytest.mark.parametrize(
    ("environment", "topology", "options"),
    [
        ({"use_virtualenv": False}, {}, {}),
        ({"virtualenv_root": "/venvs", "user": "storm", "workers": ["a", "b"]}, {"x": 1}, {"y": None}),
        (
            {
                "virtualenv_root": "/v", "use_virtualenv": True, "install_virtualenv": False,
                "log": {"path": "/log", "file": "f", "max_bytes": 5, "backup_count": 2, "level": "WARN"},
                "options": {"topology.debug": True, "z": 1},
            },
            {"z": 2, "storm.workers.list": "a,b"},
            {"topology.workers": 3, "topology.acker.executors": 2},
        ),
    ],
)  # fmt: skip
def test_the_conf_is_the_one_of_sparse_but_for_the_numbers_of_workers_and_ackers(
    environment, topology, options
):
    common = pytest.importorskip("streamparse.cli.common")

    class Class:
        config = topology

    theirs = common.resolve_options(options, environment, Class, "run", local_only=True)
    ours = conf(environment, topology, options, hosts=())
    del ours["topology.original_name"]
    for key in ("topology.workers", "topology.acker.executors"):
        theirs[key] = ours[key] = options.get(key)
    # Asked for locally, sparse knows no hosts.
    theirs["storm.workers.list"] = ours["storm.workers.list"]
    assert ours == theirs


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1", 1), ("1.5", 1.5), ("true", True), ("True", True), ("null", None), ("", None), ("~", None),
        ('"1"', "1"), ("text", "text"), ("[1, 2]", [1, 2]), ("[a, b]", ["a", "b"]), ('{"k": 1}', {"k": 1}),
        ("{k: v}", {"k": "v"}), ("[oops", "[oops"), ("yes", "yes"), ("NaN", "NaN"), ("a=b", "a=b"),
    ],
)  # fmt: skip
def test_options_are_json_or_else_text(text, value):
    assert option_value(text) == value

from __future__ import annotations

from pathlib import Path

import pytest

from storm_compat.errors import InvalidJar, InvalidTopology, UploadGone
from storm_compat.uploads import UploadLimits, Uploads, link_or_copy

NOW = 1_700_000_000.0


def uploaded(uploads: Uploads, *chunks: bytes, now: float = NOW) -> str:
    location = uploads.begin(now)
    for chunk in chunks:
        uploads.chunk(location, chunk, now)
    uploads.finish(location, now)
    return location


def test_chunks_become_one_file(tmp_path: Path) -> None:
    uploads = Uploads(tmp_path / "inbox")
    location = uploaded(uploads, b"ab", b"", b"cd")
    assert uploads.finished(location, NOW).read_bytes() == b"abcd"
    assert (tmp_path / "inbox").stat().st_mode & 0o777 == 0o700


def test_two_uploads_do_not_meet(tmp_path: Path) -> None:
    uploads = Uploads(tmp_path)
    first, second = uploads.begin(NOW), uploads.begin(NOW)
    uploads.chunk(first, b"1", NOW)
    uploads.chunk(second, b"2", NOW)
    uploads.finish(second, NOW)
    uploads.finish(first, NOW)
    assert uploads.finished(first, NOW).read_bytes() == b"1"
    assert uploads.finished(second, NOW).read_bytes() == b"2"


@pytest.mark.parametrize("location", [None, "", "/etc/passwd", "x"])
def test_chunks_go_nowhere_else(tmp_path: Path, location: str | None) -> None:
    uploads = Uploads(tmp_path)
    with pytest.raises(UploadGone, match=r"^File for that location does not exist \(or timed out\)"):
        uploads.chunk(location, b"x", NOW)
    with pytest.raises(UploadGone):
        uploads.finish(location, NOW)


def test_a_finished_upload_takes_no_more_chunks(tmp_path: Path) -> None:
    uploads = Uploads(tmp_path)
    location = uploaded(uploads, b"x")
    with pytest.raises(UploadGone):
        uploads.chunk(location, b"y", NOW)


def test_each_chunk_keeps_a_session_alive_for_a_while(tmp_path: Path) -> None:
    uploads = Uploads(tmp_path)
    location = uploads.begin(NOW)
    uploads.chunk(location, b"x", NOW + 600)
    uploads.chunk(location, b"y", NOW + 1200)
    with pytest.raises(UploadGone):
        uploads.chunk(location, b"z", NOW + 1801)
    assert list(tmp_path.iterdir()) == []


def test_an_unfinished_upload_cannot_be_submitted(tmp_path: Path) -> None:
    uploads = Uploads(tmp_path)
    with pytest.raises(InvalidJar, match="not finished"):
        uploads.finished(uploads.begin(NOW), NOW)


def test_a_jar_may_be_submitted_until_an_hour_after_its_last_use(tmp_path: Path) -> None:
    uploads = Uploads(tmp_path)
    location = uploaded(uploads, b"x")
    uploads.finished(location, NOW + 3600)
    uploads.finished(location, NOW + 7200)
    with pytest.raises(InvalidJar, match="kept for 3600 s"):
        uploads.finished(location, NOW + 10_801)


def test_a_jar_outlives_nimbus_and_a_begun_upload_does_not(tmp_path: Path) -> None:
    before = Uploads(tmp_path)
    location, begun = uploaded(before, b"x"), before.begin(NOW)
    after = Uploads(tmp_path)
    assert after.clean(NOW) == 1
    assert after.finished(location, NOW).read_bytes() == b"x"
    with pytest.raises(UploadGone):
        after.chunk(begun, b"x", NOW)


def test_cleaning_removes_what_is_over_and_nothing_else(tmp_path: Path) -> None:
    uploads = Uploads(tmp_path)
    old, young = uploaded(uploads, b"o"), uploaded(uploads, b"y", now=NOW + 1)
    busy = uploads.begin(NOW + 3002)
    idle = uploads.begin(NOW)
    uploads.clean(NOW + 3601)
    names = {path.name for path in tmp_path.iterdir()}
    assert names == {Path(young).name, Path(busy).with_suffix(".part").name}
    assert Path(old).name not in names
    with pytest.raises(UploadGone):
        uploads.finish(idle, NOW + 3601)


@pytest.mark.parametrize(
    "hostile",
    [
        "/etc/passwd",
        "../../etc/passwd",
        "{inbox}/../secret.jar",
        "{inbox}/sub/{uuid}.jar",
        "{inbox}/stormjar-x.jar",
        "{inbox}/{uuid}.jar\0",
        "{uuid}.jar",
        "{inbox}/..",
        "{inbox}/./../{uuid}.jar",
        "",
    ],
)
def test_only_places_of_ours_are_read(tmp_path: Path, hostile: str) -> None:
    inbox = tmp_path / "inbox"
    uploads = Uploads(inbox)
    name = Path(uploaded(uploads, b"x")).stem
    (tmp_path / "secret.jar").write_text("s")
    (tmp_path / f"{name}.jar").write_text("s")
    with pytest.raises(InvalidJar):
        uploads.finished(hostile.format(inbox=inbox, uuid=name), NOW)


def test_a_link_in_the_inbox_is_not_followed(tmp_path: Path) -> None:
    uploads = Uploads(tmp_path)
    location = Path(uploaded(uploads, b"x"))
    location.unlink()
    location.symlink_to("/etc/passwd")
    with pytest.raises(InvalidJar, match="gone"):
        uploads.finished(str(location), NOW)


def test_a_jar_may_only_get_so_large(tmp_path: Path) -> None:
    uploads = Uploads(tmp_path, UploadLimits(max_jar_bytes=3))
    location = uploads.begin(NOW)
    uploads.chunk(location, b"abc", NOW)
    with pytest.raises(InvalidTopology, match="larger than 3 bytes"):
        uploads.chunk(location, b"d", NOW)
    assert list(tmp_path.iterdir()) == []


def test_a_jar_is_shared_where_it_can_be(tmp_path: Path) -> None:
    source, target = tmp_path / "a", tmp_path / "b" / "c"
    source.write_text("x")
    link_or_copy(source, target)
    link_or_copy(source, target)
    assert source.samefile(target)


def test_uploads_that_nobody_goes_on_with_do_not_pile_up(tmp_path: Path) -> None:
    uploads = Uploads(tmp_path, UploadLimits(max_session_count=2))
    first, second = uploads.begin(NOW), uploads.begin(NOW + 1)
    uploads.chunk(first, b"1", NOW + 2)
    third = uploads.begin(NOW + 3)
    with pytest.raises(UploadGone):
        uploads.chunk(second, b"2", NOW + 3)
    uploads.finish(first, NOW + 3)
    uploads.finish(third, NOW + 3)
    assert len(list(tmp_path.iterdir())) == 2

"""What every implementation of the files port must pass.

``CASES`` take ``new_files()``: an empty tree with at least 4 MiB free. ``CAPACITY_CASES`` take
``new_files_of(capacity_bytes)``: an empty tree of exactly that size.
"""

try:
    from typing import TYPE_CHECKING
except ImportError:
    TYPE_CHECKING = False

from firmware.ports.errors import AlreadyExists, NoSpace, NotFound, PortFault, ReadOnly
from firmware.ports.expect import expect_fault

if TYPE_CHECKING:
    from collections.abc import Callable

    from firmware.ports.files import File, Files

    NewFiles = Callable[[], Files]
    NewFilesOf = Callable[[int], Files]


def writes_and_reads_at_offsets(new_files: "NewFiles") -> None:
    """Any offset, any order; a gap reads as zeroes."""
    file = new_files().create("one")
    file.write_at(4, b"efgh")
    file.write_at(0, b"ab")
    assert read_all(file) == b"ab\0\0efgh"
    file.write_at(2, bytearray(b"cd"))
    file.write_at(7, memoryview(b"HIJ"))
    assert read_all(file) == b"abcdefgHIJ"
    file.close()


def reads_less_only_at_the_end(new_files: "NewFiles") -> None:
    """The count says how much of the buffer is filled; the rest of it is untouched."""
    file = new_files().create("one")
    file.write_at(0, b"abcdef")
    buffer = bytearray(b"????")
    assert file.read_at(1, buffer) == 4
    assert buffer == b"bcde"
    assert file.read_at(4, buffer) == 2
    assert buffer == b"efde"
    assert file.read_at(6, buffer) == 0
    assert file.read_at(600, buffer) == 0
    assert file.read_at(0, memoryview(buffer)[1:3]) == 2
    assert buffer == b"eabe"
    file.close()


def a_new_file_is_empty(new_files: "NewFiles") -> None:
    """With a reservation too; the reservation limits nothing."""
    files = new_files()
    file = files.create("one", 4096)
    assert file.size_bytes() == 0
    assert file.read_at(0, bytearray(1)) == 0
    file.write_at(0, bytes(5000))
    assert file.size_bytes() == 5000
    file.close()


def create_needs_a_free_name(new_files: "NewFiles") -> None:
    """Neither a file nor a folder may have it."""
    files = new_files()
    files.create("one").close()
    files.make_folder("two")
    expect_fault(AlreadyExists, files.create, "one")
    expect_fault(AlreadyExists, files.create, "two")
    expect_fault(AlreadyExists, files.make_folder, "one")
    expect_fault(AlreadyExists, files.make_folder, "two")


def what_is_missing_is_not_found(new_files: "NewFiles") -> None:
    """The fault names the path."""
    files = new_files()
    assert "missing" in expect_fault(NotFound, files.open, "missing")
    for operation in (files.open, files.remove, files.remove_folder, files.list_folder, files.sync_folder):
        expect_fault(NotFound, operation, "missing")
        expect_fault(NotFound, operation, "missing/below")
    expect_fault(NotFound, files.create, "missing/below")
    expect_fault(NotFound, files.make_folder, "missing/below")
    expect_fault(NotFound, files.rename, "missing", "other")
    files.create("one").close()
    expect_fault(NotFound, files.rename, "one", "missing/one")
    assert files.list_folder("") == ["one"]
    assert not files.exists("missing")
    assert not files.exists("missing/below")
    assert not files.exists("one/below")


def files_and_folders_are_not_mixed_up(new_files: "NewFiles") -> None:
    """A folder is no file, a file is no folder."""
    files = new_files()
    files.create("file").close()
    files.make_folder("folder")
    expect_fault(NotFound, files.open, "folder")
    expect_fault(NotFound, files.open, "folder", True)
    expect_fault(NotFound, files.remove, "folder")
    expect_fault(NotFound, files.remove_folder, "file")
    expect_fault(NotFound, files.list_folder, "file")
    expect_fault(NotFound, files.create, "file/below")
    assert files.list_folder("") == ["file", "folder"]


def paths_stay_below_the_root(new_files: "NewFiles") -> None:
    """Whatever the operation."""
    files = new_files()
    files.make_folder("a")
    for path in ("..", "../a", "a/../../b", "/a", "/", "a//b", "a/", "a/./b", "a\x00b"):
        for operation in (files.create, files.open, files.remove, files.make_folder, files.remove_folder):
            expect_fault(PortFault, operation, path)
        for operation in (files.list_folder, files.exists, files.sync_folder):
            expect_fault(PortFault, operation, path)
        expect_fault(PortFault, files.rename, path, "b")
        expect_fault(PortFault, files.rename, "a", path)
    assert files.list_folder("") == ["a"]


def lists_names_sorted(new_files: "NewFiles") -> None:
    """Names only, of that folder only."""
    files = new_files()
    files.make_folder("b")
    files.create("b/two").close()
    files.create("b/one").close()
    files.create("c").close()
    files.create("a").close()
    assert files.list_folder("") == ["a", "b", "c"]
    assert files.list_folder("b") == ["one", "two"]
    assert files.exists("b")
    assert files.exists("b/one")
    assert files.exists("")


def rename_replaces_a_file(new_files: "NewFiles") -> None:
    """At once and whole."""
    files = new_files()
    put(files, "new", b"new content")
    put(files, "old", b"old")
    files.rename("new", "old")
    assert files.list_folder("") == ["old"]
    assert get(files, "old") == b"new content"
    files.rename("old", "old")
    assert get(files, "old") == b"new content"


def rename_moves_a_folder_with_all_in_it(new_files: "NewFiles") -> None:
    """But never over another name, nor into itself."""
    files = new_files()
    files.make_folder("a")
    files.make_folder("taken")
    put(files, "a/one", b"1")
    put(files, "file", b"2")
    files.rename("a", "b")
    assert get(files, "b/one") == b"1"
    assert not files.exists("a")
    expect_fault(AlreadyExists, files.rename, "b", "taken")
    expect_fault(AlreadyExists, files.rename, "b", "file")
    expect_fault(AlreadyExists, files.rename, "file", "taken")
    expect_fault(PortFault, files.rename, "b", "b/c")
    files.rename("file", "b/file")
    assert files.list_folder("b") == ["file", "one"]
    assert files.list_folder("") == ["b", "taken"]


def only_empty_folders_are_removed(new_files: "NewFiles") -> None:
    """The fault leaves everything as it is."""
    files = new_files()
    files.make_folder("a")
    put(files, "a/one", b"1")
    expect_fault(PortFault, files.remove_folder, "a")
    assert get(files, "a/one") == b"1"
    files.remove("a/one")
    files.remove_folder("a")
    assert files.list_folder("") == []


def truncate_cuts(new_files: "NewFiles") -> None:
    """What is written afterwards starts at the cut."""
    file = new_files().create("one")
    file.write_at(0, b"abcdef")
    file.truncate(3)
    assert file.size_bytes() == 3
    assert read_all(file) == b"abc"
    file.write_at(4, b"!")
    assert read_all(file) == b"abc\0!"
    file.truncate(0)
    assert file.size_bytes() == 0
    file.close()


def a_handle_for_reading_cannot_write(new_files: "NewFiles") -> None:
    """ReadOnly, and the file is unchanged."""
    files = new_files()
    put(files, "one", b"abc")
    file = files.open("one")
    expect_fault(ReadOnly, file.write_at, 0, b"x")
    expect_fault(ReadOnly, file.truncate, 0)
    file.close()
    assert get(files, "one") == b"abc"
    file = files.open("one", True)
    file.write_at(3, b"def")
    file.close()
    assert get(files, "one") == b"abcdef"


def handles_see_each_others_writes(new_files: "NewFiles") -> None:
    """At once, without a sync between them."""
    files = new_files()
    writer = files.create("one")
    reader = files.open("one")
    writer.write_at(0, b"abc")
    assert read_all(reader) == b"abc"
    writer.close()
    writer.close()
    reader.close()
    expect_fault(PortFault, reader.read_at, 0, bytearray(1))
    expect_fault(PortFault, writer.write_at, 0, b"x")


def syncs_return(new_files: "NewFiles") -> None:
    """Of files and of folders, the root among them, with or without changes since the last."""
    files = new_files()
    files.make_folder("a")
    file = files.create("a/one")
    file.write_at(0, b"abc")
    for _ in range(2):
        file.sync()
        files.sync_folder("a")
        files.sync_folder("")
    file.close()
    assert get(files, "a/one") == b"abc"


def impossible_offsets_are_refused(new_files: "NewFiles") -> None:
    """Below zero there is nothing."""
    file = new_files().create("one")
    expect_fault(PortFault, file.write_at, -1, b"x")
    expect_fault(PortFault, file.truncate, -1)
    assert file.size_bytes() == 0
    file.close()


def free_space_shrinks(new_files: "NewFiles") -> None:
    """By at least what is written, and total never by anything."""
    files = new_files()
    total, free = files.total_bytes(), files.free_bytes()
    assert 0 < free <= total
    file = files.create("one")
    file.write_at(0, bytes(100000))
    file.sync()
    assert files.total_bytes() == total
    file.close()


def full_storage_says_so(new_files_of: "NewFilesOf") -> None:
    """What was there stays whole, and what is given back can be used again."""
    files = new_files_of(100000)
    assert files.total_bytes() == 100000
    assert files.free_bytes() == 100000
    put(files, "kept", bytes(60000))
    assert files.free_bytes() == 40000
    file = files.create("more")
    expect_fault(NoSpace, file.write_at, 0, bytes(40001))
    assert file.size_bytes() == 0
    assert files.free_bytes() == 40000
    file.write_at(0, bytes(40000))
    expect_fault(NoSpace, file.write_at, 40000, b"x")
    file.write_at(39999, b"x")
    file.truncate(10000)
    assert files.free_bytes() == 30000
    file.close()
    files.remove("kept")
    assert files.free_bytes() == 90000
    put(files, "again", bytes(90000))
    assert files.free_bytes() == 0
    assert get(files, "more") == bytes(10000)


def reservations_count(new_files_of: "NewFilesOf") -> None:
    """They hold space for their own file, and are gone with a truncation or with the file."""
    files = new_files_of(100000)
    expect_fault(NoSpace, files.create, "one", 100001)
    assert files.list_folder("") == []
    file = files.create("one", 60000)
    assert files.free_bytes() == 40000
    other = files.create("other")
    expect_fault(NoSpace, other.write_at, 0, bytes(40001))
    other.close()
    file.write_at(0, bytes(60000))
    assert files.free_bytes() == 40000
    file.write_at(60000, bytes(10000))
    assert files.free_bytes() == 30000
    file.truncate(5000)
    assert files.free_bytes() == 95000
    file.close()
    files.create("two", 50000).close()
    files.remove("two")
    assert files.free_bytes() == 95000


def renames_keep_the_account(new_files_of: "NewFilesOf") -> None:
    """A replaced file gives its space back; a moved folder takes its files' with it."""
    files = new_files_of(100000)
    files.make_folder("a")
    put(files, "a/one", bytes(10000))
    put(files, "a/two", bytes(20000))
    files.rename("a/one", "a/two")
    assert files.free_bytes() == 90000
    files.rename("a", "b")
    files.remove("b/two")
    assert files.free_bytes() == 100000


CASES = (
    writes_and_reads_at_offsets,
    reads_less_only_at_the_end,
    a_new_file_is_empty,
    create_needs_a_free_name,
    what_is_missing_is_not_found,
    files_and_folders_are_not_mixed_up,
    paths_stay_below_the_root,
    lists_names_sorted,
    rename_replaces_a_file,
    rename_moves_a_folder_with_all_in_it,
    only_empty_folders_are_removed,
    truncate_cuts,
    a_handle_for_reading_cannot_write,
    handles_see_each_others_writes,
    syncs_return,
    impossible_offsets_are_refused,
    free_space_shrinks,
)

CAPACITY_CASES = (full_storage_says_so, reservations_count, renames_keep_the_account)


def put(files: "Files", path: str, content: bytes) -> None:
    """Make a file of that content."""
    file = files.create(path)
    file.write_at(0, content)
    file.close()


def get(files: "Files", path: str) -> bytes:
    """The content of a file."""
    file = files.open(path)
    content = read_all(file)
    file.close()
    return content


def read_all(file: "File") -> bytes:
    """The content behind a handle."""
    buffer = bytearray(file.size_bytes())
    assert file.read_at(0, buffer) == len(buffer)
    return bytes(buffer)

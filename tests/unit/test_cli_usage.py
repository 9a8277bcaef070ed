"""What virsh refuses by itself, before anything is asked, is refused here likewise:
in its words, and as wrong usage.
"""

import json
from uuid import UUID

import pytest

from revisor.cli.amounts import size_bytes, size_kib, whole
from revisor.cli.keys import LINUX, number_of
from revisor.cli.verb import BadValue
from tests.unit.command_line import CommandLine


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("save web", "command 'save' requires <file> option"),
        ("domrename web", "command 'domrename' requires <new-name> option"),
        ("send-key web", "command 'send-key' requires <keycode> option"),
        ("snapshot-dumpxml web", "command 'snapshot-dumpxml' requires <snapshotname> option"),
        ("setmem web 10x", "Scaled numeric value '10x' for <size> option is malformed or out of range"),
        ("setmem web 1 --live --current", "Options --current and --live are mutually exclusive"),
        ("setmem web 1 --config --current", "Options --current and --config are mutually exclusive"),
        ("setvcpus web x", "Numeric value 'x' for <count> option is malformed or out of range"),
        ("setvcpus web 4294967296", "Numeric value '4294967296' for <count> option is malformed or out of range"),
        ("setvcpus web 0", "Can't set 0 processors for a VM"),
        ("setvcpus web 1 --guest --config", "Options --guest and --config are mutually exclusive"),
        ("setvcpus web 1 --maximum --live", "Option --config is required by option --maximum"),
        ("undefine web --nvram --keep-nvram", "Options --nvram and --keep-nvram are mutually exclusive"),
        ("undefine web --tpm --keep-tpm", "Options --tpm and --keep-tpm are mutually exclusive"),
        (
            "shutdown web --mode foo",
            "Unknown mode foo value, expecting 'acpi', 'agent', 'initctl', 'signal', or 'paravirt'",
        ),
        ("dump web /c --format elf", "--format only works with --memory-only"),
        (
            "dump web /c --memory-only --format raw",
            "format 'raw' is not supported, expecting 'kdump-zlib', 'kdump-lzo', 'kdump-snappy', 'win-dmp' or 'elf'",
        ),
        ("dompmsuspend web foo", "Invalid target"),
        ("dompmsuspend web mem --duration x", "Numeric value 'x' for <duration> option is malformed or out of range"),
        ("send-key web KEY_NOPE", "invalid keycode: 'KEY_NOPE'"),
        ("send-key web 65536", "invalid keycode: '65536'"),
        ("send-key web 08", "invalid keycode: '08'"),
        ("send-key web --codeset xt KEY_A", "invalid keycode: 'KEY_A'"),
        ("send-key web --codeset nope 1", "unknown codeset: 'nope'"),
        ("send-key web" + " 1" * 17, "too many keycodes"),
        ("domtime web --now --time 3", "Options --time and --now are mutually exclusive"),
        ("domtime web --sync --time 3", "Options --time and --sync are mutually exclusive"),
        ("domtime web --now --sync", "Options --now and --sync are mutually exclusive"),
        ("domtime web --time x", "Numeric value 'x' for <time> option is malformed or out of range"),
        ("desc web x --live --current", "Options --current and --live are mutually exclusive"),
        ("metadata web urn:x --set <x/>", "namespace key is required when modifying metadata"),
        ("metadata web urn:x --set <x/> --remove", "Options --remove and --set are mutually exclusive"),
        ("metadata web urn:x --set <x/> --edit", "Options --edit and --set are mutually exclusive"),
        ("attach-device web f --persistent --current", "Options --persistent and --current are mutually exclusive"),
        ("detach-device web f --live --current", "Options --current and --live are mutually exclusive"),
        ("list --table --name", "Options --table and --name are mutually exclusive"),
        ("vcpucount web --live --config", "Options --live and --config are mutually exclusive"),
        ("vcpucount web --maximum --active", "Options --active and --maximum are mutually exclusive"),
        ("snapshot-list web --roots --from a", "Options --roots and --from are mutually exclusive"),
        ("snapshot-list web --roots --current", "Options --roots and --current are mutually exclusive"),
        ("snapshot-list web --parent --roots", "Options --parent and --roots are mutually exclusive"),
        ("snapshot-list web --parent --tree", "Options --parent and --tree are mutually exclusive"),
        ("snapshot-list web --name --tree", "Options --tree and --name are mutually exclusive"),
        ("snapshot-list web --tree --roots", "Options --roots and --tree are mutually exclusive"),
        ("snapshot-list web --tree --leaves", "--leaves and --tree are mutually exclusive"),
        ("snapshot-list web --tree --no-leaves", "--no-leaves and --tree are mutually exclusive"),
        ("snapshot-list web --tree --leaves --roots --current", "Options --roots and --tree are mutually exclusive"),
        ("snapshot-list web --current --from a", "--from and --current are mutually exclusive"),
        ("snapshot-list web --descendants", "--descendants requires either --from or --current"),
        ("snapshot-parent web", "--snapshotname or --current is required"),
        ("snapshot-revert web", "--snapshotname or --current is required"),
        ("snapshot-delete web a --current", "--snapshotname and --current are mutually exclusive"),
        ("snapshot-current web a --name", "Options --name and --snapshotname are mutually exclusive"),
        ("snapshot-edit web a --rename --clone", "Options --rename and --clone are mutually exclusive"),
        ("snapshot-create web a.xml b.xml", "unexpected data 'b.xml'"),
    ],
)
def test_virshs_own_refusals(line: CommandLine, words: str, said: str) -> None:
    done = line.run(*words.split())
    assert (done.code, done.out, done.last) == (2, "", f"error: {said} [8]")
    assert line.service.asked == []


@pytest.mark.parametrize(
    ("words", "option"),
    [
        *((f"{verb} x {option}", option) for verb in ("backup", "import") for option in ("--wait=1", "--no-wait")),
        *(
            (f"export --raw x {option}", option)
            for option in ("--reason=x", "--ticket=x", f"--request-id={UUID(int=1)}")
        ),
        *((f"projections rebuild x {option}", option) for option in ("--wait=1", "--no-wait")),
        ("projections resume x --no-wait", "--no-wait"),
        ("acknowledge-restore --wait=1", "--wait=1"),
    ],
)
def test_a_context_option_that_means_nothing_to_a_verb_is_refused(line: CommandLine, words: str, option: str) -> None:
    done = line.run(*words.split())
    assert (done.code, line.service.asked) == (2, [])
    assert done.last.endswith(f"doesn't support option {option.partition('=')[0]} [8]")


@pytest.mark.parametrize(
    "words", ["backup", "export --raw", "import", "restore", "restore --host alpha", "projections rebuild"]
)
def test_an_empty_name_is_not_taken_for_the_folder_one_is_in(line: CommandLine, words: str) -> None:
    done = line.run(*words.split(), "")
    assert (done.code, done.last) == (2, "error: Option argument is empty [8]")
    assert done.err.startswith("would be accepted: ")
    assert line.service.asked == []


def test_a_log_is_exported_to_a_file_and_not_to_a_stream(line: CommandLine) -> None:
    done = line.run("export", "--raw", "-")
    assert (done.code, done.err.splitlines()) == (
        2,
        ["would be accepted: a new file", "error: an export is there whole or not at all, so it is no stream [8]"],
    )


def test_a_value_that_makes_no_sense_is_named_with_what_would(line: CommandLine) -> None:
    error = json.loads(line.run("dompmsuspend", "web", "foo", "--output", "json").err.splitlines()[0])["error"]
    assert (error["field"], error["value"], error["accepted"]) == ("target", "foo", "mem, disk, hybrid")


@pytest.mark.parametrize(
    ("text", "size"),
    [
        *(("1", 1024), (" 7", 7168), ("+7", 7168), ("1b", 1), ("1byte", 1), ("1BYTES", 1)),
        *(("1k", 1024), ("1K", 1024), ("1KiB", 1024), ("1kib", 1024), ("1KB", 1000), ("1kb", 1000)),
        *(("2M", 2 * 2**20), ("1MB", 10**6), ("1G", 2**30), ("1T", 2**40), ("1P", 2**50), ("15E", 15 * 2**60)),
        ("18446744073709551615b", 2**64 - 1),
    ],
)
def test_sizes_are_scaled_as_virsh_scales_them(text: str, size: int) -> None:
    assert size_bytes("size", text) == size


@pytest.mark.parametrize(
    "text", ["", "x", "-1", "1x", "1 k", "1kbit", "16E", "18446744073709551616b", "1.5G", "0x10", "\u0661"]
)
def test_what_is_no_size_is_refused(text: str) -> None:
    with pytest.raises(BadValue, match="malformed or out of range"):
        size_bytes("size", text)


def test_a_size_that_is_no_whole_number_of_kib_is_rounded_up() -> None:
    assert [size_kib("size", text) for text in ("1b", "1024b", "1025b", "1KB")] == [1, 1, 2, 1]


def test_whole_numbers_have_an_end() -> None:
    assert whole("count", "4294967295") == 2**32 - 1
    for text in ("", "-1", "1.0", "1e3", "4294967296"):
        with pytest.raises(BadValue):
            whole("count", text)


def test_keys_have_linuxs_numbers() -> None:
    said = {"KEY_ESC": 1, "KEY_ENTER": 28, "KEY_SYSRQ": 99, "KEY_DELETE": 111, "KEY_F13": 183, "KEY_PLAYCD": 200}
    assert {name: LINUX[name] for name in said} == said
    assert (LINUX["KEY_MICMUTE"], LINUX["KEY_SCREENLOCK"], LINUX["KEY_COFFEE"]) == (248, 152, 152)
    assert len(set(LINUX.values())) == 242
    assert [number_of(text, "linux") for text in ("KEY_A", "30", "0x1e", "036")] == [30] * 4

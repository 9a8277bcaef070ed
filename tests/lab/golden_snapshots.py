"""Snapshots for the golden files: metadata as it is given to be redefined, which libvirt writes in its own form."""

from dataclasses import dataclass

from tests.lab.golden_disks import DISKS
from tests.lab.golden_machines import COOKIE, IMAGES, MACHINES, METADATA, PLAIN, SECRET_UUID, Machine, disk, file_disk


@dataclass(frozen=True)
class Metadata:
    """A snapshot of a machine. What is None or empty is left out."""

    machine: Machine
    state: str = "shutoff"
    name: str | None = None
    description: str = ""
    created: str = "1795446769"
    below: str = ""
    """The name of its parent, escaped."""
    content: str = ""
    pending: tuple[str, str] | None = None
    """What to find and what to put in its place in the definition that was to hold from the next start."""
    cookie: str = ""

    def text(self, name: str, definition: str) -> str:
        """The document, where libvirt dumps the machine as ``definition``."""
        said = f"  <description>{self.description}</description>\n" if self.description else ""
        above = f"  <parent>\n    <name>{self.below}</name>\n  </parent>\n" if self.below else ""
        return f"""\
<domainsnapshot>
  <name>{self.name or name}</name>
{said}  <state>{self.state}</state>
{above}  <creationTime>{self.created}</creationTime>
{self.content}{definition}{self._inactive(definition)}{self.cookie}</domainsnapshot>
"""

    def _inactive(self, definition: str) -> str:
        if self.pending is None:
            return ""
        assert self.pending[0] in definition
        text = definition.replace(*self.pending)
        return text.replace("<domain ", "<inactiveDomain ").replace("</domain>", "</inactiveDomain>")


_TWO_DISKS = Machine(file_disk("vda") + file_disk("vdb"))
_NETWORK = Machine(
    disk("network", "<source protocol='rbd' name='pool/web'><host name='mon.example'/></source>", form="raw")
    + disk("network", "<source protocol='nbd' name='web'><host name='nbd.example'/></source>", "vdb", form="qcow2")
    + disk(
        "network", "<source protocol='gluster' name='vol/web'><host name='g.example'/></source>", "vdc", form="qcow2"
    )
    + disk("network", "<source protocol='https' name='web'><host name='h.example'/></source>", "vdd", form="qcow2")
)


def _disks(*disks: str) -> str:
    return "".join(["  <disks>\n", *(f"    {disk}\n" for disk in disks), "  </disks>\n"])


def _external(name: str, source: str, *, kind: str = "file", form: str = "qcow2") -> str:
    return f"<disk name='{name}' snapshot='external' type='{kind}'><driver type='{form}'/>{source}</disk>"


_BOTH_EXTERNAL = _disks(
    _external("vda", f"<source file='{IMAGES}/vda.after'/>"), _external("vdb", f"<source file='{IMAGES}/vdb.after'/>")
)

SNAPSHOTS: dict[str, Metadata] = {
    "disk-only": Metadata(_TWO_DISKS, "disk-snapshot", content=_BOTH_EXTERNAL),
    "external-memory": Metadata(
        _TWO_DISKS,
        "running",
        content=f"  <memory snapshot='external' file='{IMAGES}/it&apos;s &amp; memory.save'/>\n" + _BOTH_EXTERNAL,
    ),
    "disks-without-memory": Metadata(_TWO_DISKS, "running", content="  <memory snapshot='no'/>\n" + _BOTH_EXTERNAL),
    "some-disks": Metadata(
        Machine("".join(map(file_disk, ("vda", "vdb", "vdc")))),
        "disk-snapshot",
        content=_disks(
            _external("vda", f"<source file='{IMAGES}/a &lt;1&gt;'/>", form="qed"),
            "<disk name='vdb' snapshot='no'/>",
            "<disk name='vdc' snapshot='manual'/>",
        ),
    ),
    "block-disk": Metadata(
        DISKS["block-disk"],
        "disk-snapshot",
        content=_disks(_external("vda", "<source dev='/dev/vg/after'/>", kind="block")),
    ),
    "network-disks": Metadata(
        _NETWORK,
        "disk-snapshot",
        content=_disks(
            _external(
                "vda",
                f"<auth username='u'><secret type='ceph' uuid='{SECRET_UUID}'/></auth>"
                "<source protocol='rbd' name='pool/after'><host name='z.example' port='6789'/><host name='a.example'/>"
                f"<auth username='u'><secret type='ceph' uuid='{SECRET_UUID}'/></auth></source>",
                kind="network",
            ),
            _external(
                "vdb",
                "<source protocol='nbd' name='after'><host transport='unix' socket='/run/n.sock'/></source>",
                kind="network",
            ),
            _external(
                "vdc",
                "<source protocol='gluster' name='vol/after'><host name='b' port='24007'/><host name='a'/></source>",
                kind="network",
            ),
            _external(
                "vdd",
                "<source protocol='https' name='after'><host name='h.example' port='443'/>"
                f"<cookies><cookie name='c'>{COOKIE}</cookie></cookies></source>",
                kind="network",
            ),
        ),
    ),
    "disk-details": Metadata(
        _TWO_DISKS,
        "disk-snapshot",
        content=_disks(
            "<disk name='vda' snapshot='external' type='file'><driver type='qcow2'><metadata_cache>"
            "<max_size unit='bytes'>1048576</max_size></metadata_cache></driver>"
            f"<source file='{IMAGES}/vda.after'><seclabel model='dac' relabel='no'/></source></disk>",
            _external(
                "vdb",
                f"<source file='{IMAGES}/vdb.after'><encryption format='luks'>"
                f"<secret type='passphrase' uuid='{SECRET_UUID}'/></encryption></source>",
            ),
        ),
    ),
    "delete-in-progress": Metadata(
        _TWO_DISKS,
        "disk-snapshot",
        content=_disks(
            "<disk name='vda' snapshot='external' type='file'><snapshotDeleteInProgress/><driver type='qcow2'/>"
            f"<source file='{IMAGES}/vda.after'/></disk>",
            _external("vdb", f"<source file='{IMAGES}/vdb.after'/>"),
        ),
    ),
    "escapes": Metadata(
        _TWO_DISKS,
        name="a &amp; b &lt;'c'&gt; &quot;d&quot;",
        description="&lt;graphics passwd='x'&gt; &amp;amp; 東京 😀\n\n  indented\n\ttabbed\n]]&gt; end ",
    ),
    "huge-time": Metadata(_TWO_DISKS, created="9223372036854775807"),
    "negative-time": Metadata(_TWO_DISKS, created="-9223372036854775808"),
    "below-another": Metadata(_TWO_DISKS, "paused", below="the &lt;first&gt;"),
    "crashed": Metadata(_TWO_DISKS, "crashed"),
    "shutting-down": Metadata(_TWO_DISKS, "shutdown"),
    "pending-definition": Metadata(
        Machine(PLAIN, head=METADATA),
        "running",
        pending=("<vcpu placement='static'>1<", "<vcpu placement='static'>2<"),
    ),
    "cookie": Metadata(
        _TWO_DISKS,
        "running",
        cookie="""\
  <cookie>
    <cpu mode='custom' match='exact' check='full'>
      <model fallback='forbid'>qemu64</model>
      <feature policy='require' name='hypervisor'/>
    </cpu>
    <slirpHelper/>
  </cookie>
""",
    ),
    "empty-cookie": Metadata(_TWO_DISKS, "running", cookie="  <cookie><unknown/></cookie>\n"),
    "graphics": Metadata(Machine(PLAIN + MACHINES["graphics"].devices), "running"),
    "commandline": Metadata(MACHINES["commandline"], "running", pending=("-smbios", "-nodefaults")),
    "no-disks": Metadata(Machine(), "running"),
}

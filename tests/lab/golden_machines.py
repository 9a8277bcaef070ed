"""Definitions for the golden files, as a person would write them: one for each thing a machine can have.

``python -m tests.lab golden`` gives them to a real libvirt, which writes them in its own form into ``tests/golden``;
disks of all types are in ``golden_disks``, snapshots in ``golden_snapshots``. Secrets are named by reference, as in any
definition; passwords and cookies, which have no other form, are planted ones.
"""

from dataclasses import dataclass

PASSWORD = "fixture1"  # Planted, so that tests can look for it where it must not be. VNC takes 8 characters.
COOKIE = "fixture2"
IMAGES = "/var/lib/libvirt/images"
SECRET_UUID = "6d1c9d3e-5f0a-4c55-8a44-0f2f5c3f9e01"

_DOMAIN = """\
<domain type='qemu'{attributes}>
  <name>{name}</name>
  <uuid>5e3cbd0a-93f6-4b70-a4f6-{number:012x}</uuid>
{head}  <memory unit='MiB'>{memory_mib}</memory>
  <vcpu>{vcpus}</vcpu>
  <os>
    <type arch='x86_64' machine='{machine}'>hvm</type>
{boot}  </os>
{body}  <devices>
    <controller type='usb' model='none'/>
    <memballoon model='none'/>
{devices}  </devices>
{tail}</domain>
"""


@dataclass(frozen=True)
class Machine:
    """A definition: the least that makes one, and what is special in this one."""

    devices: str = ""
    head: str = ""
    boot: str = ""
    body: str = ""
    tail: str = ""
    attributes: str = ""
    machine: str = "pc-i440fx-7.2"
    memory_mib: int = 16
    vcpus: str = "1"

    def text(self, name: str, number: int) -> str:
        return _DOMAIN.format(name=name, number=0x8B7D1F0D0000 + number, **vars(self))


def file_disk(target: str, more: str = "", *, form: str = "qcow2", attributes: str = "") -> str:
    return f"""\
    <disk type='file' device='disk'{attributes}>
      <driver name='qemu' type='{form}'/>
      <source file='{IMAGES}/{target}.{form}'/>
      <target dev='{target}' bus='virtio'/>
{more}    </disk>
"""


def disk(
    kind: str, source: str, target: str = "vda", *, form: str = "raw", device: str = "disk", bus: str = "virtio"
) -> str:
    return f"""\
    <disk type='{kind}' device='{device}'>
      <driver name='qemu' type='{form}'/>
      {source}
      <target dev='{target}' bus='{bus}'/>
    </disk>
"""


PLAIN = file_disk("vda")

METADATA = """\
  <metadata>
    <app:order xmlns:app="urn:example:app" app:id="42" priority='high &amp; "urgent"'>
      <!-- a comment of theirs -->
      <app:owner>Ana María &lt;ana@example.org&gt;</app:owner>
      <app:note><![CDATA[<graphics passwd='not-one'> & more]]></app:note>
      <?app keep this?>
      <plain xml:space='preserve'>  two
lines  </plain>
    </app:order>
    <order xmlns="urn:example:default"><item xmlns:i="urn:example:item" i:n='1'/><item/></order>
  </metadata>
"""

MACHINES: dict[str, Machine] = {
    "foreign-metadata": Machine(PLAIN, head=METADATA),
    "titles": Machine(
        head="  <title>A &amp; B – größer &gt; 'C'</title>\n"  # noqa: RUF001
        '  <description>Первая строка &lt;b&gt;\n   indented, second\n\n\tтретья: 東京 😀 "q"\n</description>\n'  # noqa: RUF001
    ),
    "commandline": Machine(
        PLAIN,
        attributes=" xmlns:qemu='http://libvirt.org/schemas/domain/qemu/1.0'",
        tail="""\
  <qemu:commandline>
    <qemu:arg value='-smbios'/>
    <qemu:arg value='type=0,vendor=&quot;A &amp; B&quot;'/>
    <qemu:env name='QEMU_ENV' value='&lt;VAL&gt;'/>
  </qemu:commandline>
  <qemu:capabilities>
    <qemu:del capability='usb-host.hostdevice'/>
  </qemu:capabilities>
""",
    ),
    "graphics": Machine(
        f"""\
    <graphics type='vnc' port='-1' autoport='yes' passwd='{PASSWORD}' passwdValidTo='2040-01-01T00:00:00'>
      <listen type='address' address='127.0.0.1'/>
    </graphics>
    <graphics type='vnc' socket='/run/vnc.sock' passwd='a&amp;&quot;&apos;&lt;'/>
    <video>
      <model type='virtio' heads='2'/>
    </video>
""",
    ),
    "interfaces": Machine(
        """\
    <interface type='user'>
      <mac address='52:54:00:0a:00:01'/>
      <model type='virtio'/>
    </interface>
    <interface type='bridge'>
      <mac address='52:54:00:0a:00:02'/>
      <source bridge='br0'/>
      <virtualport type='openvswitch'>
        <parameters interfaceid='6d1c9d3e-5f0a-4c55-8a44-0f2f5c3f9e02'/>
      </virtualport>
      <vlan>
        <tag id='42'/>
      </vlan>
      <model type='e1000'/>
      <link state='down'/>
    </interface>
    <interface type='network'>
      <mac address='52:54:00:0a:00:03'/>
      <source network='default' portgroup='a&amp;b'/>
      <model type='virtio'/>
      <filterref filter='clean-traffic'>
        <parameter name='IP' value='192.0.2.9'/>
      </filterref>
    </interface>
"""
    ),
    "characters": Machine(
        """\
    <serial type='tcp'>
      <source mode='bind' host='127.0.0.1' service='2445'/>
      <protocol type='raw'/>
      <target port='0'/>
    </serial>
    <channel type='unix'>
      <source mode='bind'/>
      <target type='virtio' name='org.qemu.guest_agent.0'/>
    </channel>
    <channel type='pty'>
      <target type='virtio' name='com.example.channel'/>
    </channel>
    <rng model='virtio'>
      <backend model='random'>/dev/urandom</backend>
    </rng>
    <watchdog model='i6300esb' action='pause'/>
    <panic model='isa'/>
"""
    ),
    "seclabels": Machine(
        disk(
            "file",
            f"""\
<source file='{IMAGES}/labelled.qcow2'>
        <seclabel model='dac' relabel='no'/>
      </source>""",
            form="qcow2",
        ),
        tail="""\
  <seclabel type='static' model='dac' relabel='yes'>
    <label>+107:+107</label>
  </seclabel>
  <seclabel type='none' model='selinux'/>
""",
    ),
    "firmware": Machine(
        PLAIN,
        boot="""\
    <loader readonly='yes' type='pflash'>/usr/share/OVMF/OVMF_CODE.fd</loader>
    <nvram template='/usr/share/OVMF/OVMF_VARS.fd'>/var/lib/libvirt/qemu/nvram/a b_VARS.fd</nvram>
    <bootmenu enable='yes' timeout='3000'/>
""",
        body="  <features>\n    <acpi/>\n  </features>\n",
        machine="pc-q35-7.2",
    ),
    "memory": Machine(
        PLAIN,
        head="  <maxMemory slots='4' unit='GiB'>1</maxMemory>\n",
        body="""\
  <cpu mode='custom' match='exact'>
    <model fallback='forbid'>qemu64</model>
    <topology sockets='2' cores='2' threads='1'/>
    <feature policy='disable' name='svm'/>
    <numa>
      <cell id='0' cpus='0-1' memory='262144'/>
      <cell id='1' cpus='2-3' memory='262144'/>
    </numa>
  </cpu>
""",
        memory_mib=512,
        vcpus="4",
    ),
    "tuning": Machine(
        PLAIN,
        body="""\
  <iothreads>2</iothreads>
  <cputune>
    <shares>2048</shares>
    <vcpupin vcpu='0' cpuset='0'/>
    <emulatorpin cpuset='0-1'/>
  </cputune>
  <features>
    <acpi/>
    <apic/>
    <hyperv mode='custom'>
      <relaxed state='on'/>
      <vapic state='on'/>
      <spinlocks state='on' retries='8191'/>
    </hyperv>
  </features>
  <clock offset='variable' adjustment='-3600' basis='utc'>
    <timer name='rtc' tickpolicy='catchup' track='guest'/>
    <timer name='hpet' present='no'/>
  </clock>
  <on_poweroff>restart</on_poweroff>
  <on_reboot>restart</on_reboot>
  <on_crash>coredump-restart</on_crash>
  <pm>
    <suspend-to-mem enabled='yes'/>
    <suspend-to-disk enabled='no'/>
  </pm>
""",
        vcpus="2",
    ),
}

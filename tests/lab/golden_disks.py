"""Definitions for the golden files with disks of every type libvirt knows, and all that can stand in one."""

from tests.lab.golden_machines import COOKIE, IMAGES, PLAIN, SECRET_UUID, Machine, disk, file_disk

DISKS: dict[str, Machine] = {
    "file-disks": Machine(
        PLAIN
        + file_disk("vdb", "      <readonly/>\n      <serial>A-B 1</serial>\n", form="raw")
        + file_disk("vdc", "      <shareable/>\n", form="raw")
        + file_disk("vdd", "      <iotune>\n        <total_bytes_sec>1000000</total_bytes_sec>\n      </iotune>\n")
    ),
    "disk-modes": Machine(
        PLAIN
        + file_disk("vdb", attributes=" snapshot='external'")
        + file_disk("vdc", attributes=" snapshot='no'")
        + file_disk("vdd", attributes=" snapshot='manual'")
        + file_disk("vde", attributes=" snapshot='internal'")
    ),
    "backing-chain": Machine(
        file_disk(
            "vda",
            f"""\
      <backingStore type='file'>
        <format type='qcow2'/>
        <source file='{IMAGES}/middle.qcow2'/>
        <backingStore type='network'>
          <format type='raw'/>
          <source protocol='nbd' name='base'>
            <host name='base.example' port='10809'/>
          </source>
          <backingStore/>
        </backingStore>
      </backingStore>
""",
        )
    ),
    "block-disk": Machine(disk("block", "<source dev='/dev/disk/by-id/scsi-0example'/>")),
    "rbd-disk": Machine(
        disk(
            "network",
            f"""\
<auth username='libvirt'>
        <secret type='ceph' uuid='{SECRET_UUID}'/>
      </auth>
      <source protocol='rbd' name='pool/images/web'>
        <host name='mon3.example' port='6789'/>
        <host name='mon1.example' port='6789'/>
        <host name='192.0.2.7' port='3300'/>
        <host name='2001:db8::7'/>
        <snapshot name='golden'/>
        <config file='/etc/ceph/example.conf'/>
      </source>""",
        )
    ),
    "iscsi-disk": Machine(
        disk(
            "network",
            """\
<source protocol='iscsi' name='iqn.2013-07.example:disks/1'>
        <host name='portal.example' port='3260'/>
        <auth username='web'>
          <secret type='iscsi' usage='portal web'/>
        </auth>
        <initiator>
          <iqn name='iqn.2013-07.example:web'/>
        </initiator>
      </source>""",
        )
    ),
    "nbd-disks": Machine(
        disk("network", "<source protocol='nbd'><host name='nbd.example' port='10809'/></source>")
        + disk(
            "network",
            "<source protocol='nbd' name='exp/ort'><host transport='unix' socket='/run/nbd.sock'/></source>",
            "vdb",
            form="qcow2",
        )
        + disk("network", "<source protocol='nbd' name='tls' tls='yes'><host name='nbd.example'/></source>", "vdc")
    ),
    "gluster-disk": Machine(
        disk(
            "network",
            """\
<source protocol='gluster' name='volume/path/web.qcow2'>
        <host name='b.example' port='24007'/>
        <host name='a.example' port='24007'/>
        <host transport='unix' socket='/run/glusterd.socket'/>
      </source>""",
            form="qcow2",
        )
    ),
    "http-disk": Machine(
        disk(
            "network",
            f"""\
<source protocol='https' name='isos/install.iso' query='a=1&amp;b=2'>
        <host name='mirror.example' port='443'/>
        <ssl verify='no'/>
        <cookies>
          <cookie name='session'>{COOKIE}</cookie>
          <cookie name='lang'>en</cookie>
        </cookies>
        <readahead size='65536'/>
        <timeout seconds='6'/>
      </source>
      <readonly/>""",
            "sda",
            device="cdrom",
            bus="sata",
        ),
        machine="pc-q35-7.2",
    ),
    "dir-disk": Machine(
        disk("dir", "<source dir='/srv/fat folder'/>\n      <readonly/>", "fda", form="fat", device="floppy", bus="fdc")
    ),
    "volume-disk": Machine(disk("volume", "<source pool='default' volume='web &amp; mail.qcow2'/>", form="qcow2")),
    "nvme-disk": Machine(
        disk(
            "nvme",
            "<source type='pci' managed='yes' namespace='1'>"
            "<address domain='0x0000' bus='0x01' slot='0x00' function='0x0'/></source>",
        )
    ),
    "vhostuser-disk": Machine(
        """\
    <disk type='vhostuser' device='disk'>
      <driver name='qemu' type='raw'/>
      <source type='unix' path='/run/vhost-blk.sock'>
        <reconnect enabled='yes' timeout='10'/>
      </source>
      <target dev='vda' bus='virtio'/>
    </disk>
""",
        body="  <memoryBacking>\n    <source type='memfd'/>\n    <access mode='shared'/>\n  </memoryBacking>\n",
    ),
    "empty-drives": Machine(
        """\
    <disk type='file' device='cdrom'>
      <target dev='sda' bus='sata' tray='open'/>
    </disk>
    <disk type='file' device='floppy'>
      <target dev='fda' bus='fdc'/>
    </disk>
    <disk type='block' device='cdrom'>
      <target dev='sdb' bus='sata'/>
    </disk>
"""
        + disk(
            "file",
            f"<source file='{IMAGES}/cd &apos;1&apos;.iso' startupPolicy='optional'/>",
            "sdc",
            device="cdrom",
            bus="sata",
        ),
        machine="pc-q35-7.2",
    ),
    "encrypted-disks": Machine(
        disk(
            "file",
            f"""\
<source file='{IMAGES}/secret.luks'>
        <encryption format='luks'>
          <secret type='passphrase' uuid='{SECRET_UUID}'/>
        </encryption>
      </source>""",
        )
        + disk(
            "file",
            f"""\
<source file='{IMAGES}/secret.qcow2'>
        <encryption format='luks'>
          <secret type='passphrase' usage='disk of web'/>
        </encryption>
      </source>""",
            "vdb",
            form="qcow2",
        )
    ),
}

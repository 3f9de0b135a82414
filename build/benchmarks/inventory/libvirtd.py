"""
What libvirt's own client does, one round trip an object, as virt-manager does it; and the VMs that it is measured with.

  libvirtd.py make URI FOLDER VMS SNAPSHOTS   defines VMs snaptree-bench-…, each with an empty image and records in a row
  libvirtd.py remove URI                      removes them and their records
  libvirtd.py read URI VMS                    reads so many of them (0: all), prints milliseconds and counts as JSON
"""
import json
import subprocess
import sys
import time

import libvirt

PREFIX = 'snaptree-bench-'


def domain_xml(name, image):
    return f"""<domain type='qemu'><name>{name}</name><memory unit='MiB'>16</memory><vcpu>1</vcpu>
<os><type arch='x86_64'>hvm</type></os><devices><disk type='file' device='disk'><driver name='qemu' type='qcow2'/>
<source file='{image}'/><target dev='vda' bus='virtio'/></disk></devices></domain>"""


def ours(connection):
    return [each for each in connection.listAllDomains() if each.name().startswith(PREFIX)]


def make(uri, folder, vms, snapshots):
    connection = libvirt.open(uri)
    for number in range(int(vms)):
        image = f'{folder}/{number}.qcow2'
        subprocess.run(['qemu-img', 'create', '-q', '-f', 'qcow2', image, '1M'], check=True)
        domain = connection.defineXML(domain_xml(f'{PREFIX}{number}', image))
        definition = domain.XMLDesc()
        parent = ''
        for at in range(int(snapshots)):
            name = f'snapshot-{at}'
            domain.snapshotCreateXML(
                f"""<domainsnapshot><name>{name}</name><description>Taken before change {at}</description>{parent}
<creationTime>{1700000000 + at}</creationTime><state>shutoff</state><memory snapshot='no'/>
<disks><disk name='vda' snapshot='internal'/></disks>{definition}</domainsnapshot>""",
                libvirt.VIR_DOMAIN_SNAPSHOT_CREATE_REDEFINE,
            )
            parent = f'<parent><name>{name}</name></parent>'


def remove(uri):
    for domain in ours(libvirt.open(uri)):
        domain.undefineFlags(libvirt.VIR_DOMAIN_UNDEFINE_SNAPSHOTS_METADATA)


def read(uri, vms):
    connection = libvirt.open(uri)
    began = time.monotonic()
    found = ours(connection)
    wanted = found[: int(vms)] if int(vms) else found
    snapshots = 0
    for domain in wanted:
        domain.state()
        domain.XMLDesc()
        domain.isPersistent()
        domain.hasManagedSaveImage()
        for snapshot in domain.listAllSnapshots():
            snapshot.getXMLDesc()
            snapshots += 1
        domain.hasCurrentSnapshot()
    print(json.dumps({'ms': (time.monotonic() - began) * 1000, 'vms': len(wanted), 'snapshots': snapshots}))


{'make': make, 'remove': remove, 'read': read}[sys.argv[1]](*sys.argv[2:])

/** virsh's commands about memory in files. */
import { definitionXml } from './definition.ts';
import { definitionFromXml } from './definition-xml.ts';
import { LibvirtError } from './model.ts';
import { readSavedState } from './saved-file.ts';
import { restore } from './saved-state.ts';
import { saveToFile } from './lifecycle.ts';
import { changed, has, introduced, value, type Call, type Command } from './virsh-call.ts';

async function restoreVm(call: Call): Promise<void> {
  const { command, host, remark } = call;
  const path = value(command, 'file');
  const xmlPath = value(command, 'xml');
  const xml = xmlPath === '' ? null : host.world.files.fileAt(xmlPath);
  if (xmlPath !== '' && !xml) throw new LibvirtError(`Failed to open file '${xmlPath}': No such file or directory`);
  try {
    readSavedState(host.world, path);
    await host.work(2200);
    restore(host.world, readSavedState(host.world, path), {
      definition: xml && definitionFromXml(new TextDecoder().decode(xml.bytes)),
      paused: has(command, 'paused') ? true : has(command, 'running') ? false : null,
    });
  } catch (thrown) {
    if (!(thrown instanceof LibvirtError)) throw thrown;
    throw new LibvirtError(`Failed to restore domain from ${path}`, ...thrown.lines);
  }
  remark(`Domain restored from ${path}\n\n`);
}

export const savedStateCommands: readonly (readonly [string, Command])[] = [
  [
    'save',
    {
      positional: ['domain', 'file'],
      required: ['domain', 'file'],
      flags: ['bypass-cache', 'running', 'paused'],
      run: (call) => {
        const [name, path] = [value(call.command, 'domain'), value(call.command, 'file')];
        return changed(call, 1500, (world, vm) => {
          introduced(
            call,
            () => `Failed to save domain '${name}' to ${path}`,
            () => {
              saveToFile(world, vm, path);
            },
          );
          call.remark(`\nDomain '${name}' saved to ${path}\n\n`);
        });
      },
    },
  ],
  [
    'restore',
    {
      positional: ['file'],
      required: ['file'],
      values: ['xml'],
      flags: ['bypass-cache', 'running', 'paused'],
      run: restoreVm,
    },
  ],
  [
    'save-image-dumpxml',
    {
      positional: ['file'],
      required: ['file'],
      flags: ['security-info'],
      run: ({ command, host, print, remark }) => {
        const { definition } = readSavedState(host.world, value(command, 'file'));
        print(definitionXml(definition, { element: 'domain', id: null, indent: 0, live: true }));
        remark('\n');
      },
    },
  ],
];

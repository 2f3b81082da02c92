import { spawn } from 'node:child_process';
import { accessSync, constants, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** The kernel of Debian's package `user-mode-linux`. */
const kernel = '/usr/bin/linux.uml';
const modules = '/usr/lib/uml/modules';

/** Whether the machine has what a User-mode Linux needs. */
export function hasUml(): boolean {
  try {
    accessSync(kernel, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

export interface UmlResult {
  /** Exit status of the command in the guest; undefined if it did not come to an end. */
  code: number | undefined;
  /** All that the guest's console showed. */
  output: string;
  seconds: number;
}

/**
 * Runs a command in a User-mode Linux: a kernel as a process of this machine, with Debian's modules. Its root is this
 * machine's own, to read only; only /run, with TMPDIR in it, is its own to write, and gone with it. One processor, no network
 * but what it makes itself. Everything ends with the guest, or after `timeoutMs`.
 */
export async function runInUml(command: string[], o: { timeoutMs: number; memoryMb?: number }): Promise<UmlResult> {
  const dir = mkdtempSync(join(tmpdir(), 'kubelab-uml-'));
  const init = join(dir, 'init.sh');
  writeFileSync(init, guestInit(command), { mode: 0o755 });
  const began = performance.now();
  const child = spawn(
    kernel,
    [
      `mem=${o.memoryMb ?? 512}M`,
      `uml_dir=${dir}/uml`,
      'rootfstype=hostfs',
      'root=/dev/root',
      'rootflags=/',
      'ro',
      `init=${init}`,
      'con=null',
      'con0=null,fd:1',
      'ssl=null',
      'quiet',
      'panic=-1',
    ],
    // A session of its own: the guest's processes are processes of this machine, all of one group.
    { stdio: ['ignore', 'pipe', 'pipe'], detached: true, env: { PATH: process.env.PATH ?? '', HOME: dir } },
  );
  const endGroup = () => {
    try {
      if (child.pid !== undefined) process.kill(-child.pid, 'SIGKILL');
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
    }
  };
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8');
    stream.on('data', (text: string) => {
      output += text;
    });
  }
  const timer = setTimeout(endGroup, o.timeoutMs);
  try {
    await new Promise<void>((resolve, reject) => {
      child.once('error', reject);
      child.once('close', () => resolve());
    });
  } finally {
    clearTimeout(timer);
    endGroup();
    rmSync(dir, { recursive: true, force: true });
  }
  const code = /^guest ended: (\d+)\r?$/m.exec(output)?.[1];
  return {
    code: code === undefined ? undefined : Number(code),
    output: output.replaceAll('\r', ''),
    seconds: (performance.now() - began) / 1000,
  };
}

/** The guest's first process: mounts, modules by a modprobe that finds them, the command, power off. */
function guestInit(command: string[]): string {
  const quote = (word: string) => `'${word.replaceAll("'", "'\\''")}'`;
  return `#!/bin/bash
export PATH=${quote(process.env.PATH ?? '')}:/usr/sbin:/usr/bin:/sbin:/bin HOME=/run/tmp TMPDIR=/run/tmp
mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t tmpfs run /run
mkdir -p /run/netns /run/tmp /run/modules/lib
ln -s ${modules} /run/modules/lib/modules
printf '#!/bin/sh\\nexec /sbin/modprobe -d /run/modules "$@"\\n' >/run/modprobe
chmod +x /run/modprobe
echo /run/modprobe >/proc/sys/kernel/modprobe
/run/modprobe -a ipv6 br_netfilter
ip link set lo up
${command.map(quote).join(' ')} </dev/null 2>&1
echo "guest ended: $?"
echo o >/proc/sysrq-trigger
sleep 60
`;
}

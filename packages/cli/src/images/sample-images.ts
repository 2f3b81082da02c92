import { cpSync, existsSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { run } from '../process/run.js';
import type { NodeImage } from './node-images.js';

/**
 * Images to try a cluster with, made on this machine from Debian's static busybox, so that no registry is needed:
 * `kubelab/busybox` (a shell and its tools) and `kubelab/httpd` in two versions, a web server on port 8080.
 */
const samples: Omit<NodeImage, 'archive'>[] = [
  { reference: 'kubelab/busybox:latest', changes: ['CMD ["sh"]'] },
  { reference: 'kubelab/httpd:latest', changes: httpdChanges('1') },
  { reference: 'kubelab/httpd:1', changes: httpdChanges('1') },
  { reference: 'kubelab/httpd:2', changes: httpdChanges('2') },
];

function httpdChanges(version: string): string[] {
  return [`ENV VERSION=${version}`, 'EXPOSE 8080/tcp', 'CMD ["/bin/serve"]'];
}

/**
 * Answers every request for / with the pod's host name and the image's version. At SIGTERM it serves on for as long as
 * Services may still send it requests, so that a rolling update loses none, and then ends. A pod without a readiness
 * probe is ready as soon as its process runs: up to the server's start the script uses only what the shell has built in.
 */
const serveScript = `#!/bin/sh
read -r host < /proc/sys/kernel/hostname
echo "$host v$VERSION" > /www/index.html
httpd -f -vv -p "\${PORT:-8080}" -h /www &
server=$!
trap 'sleep "\${DRAIN_SECONDS:-5}"; kill "$server"; exit 0' TERM
wait "$server"
`;

const busybox = '/bin/busybox';

/** The sample images; they share one file system. */
export function sampleImages(): NodeImage[] {
  let archive: Promise<string> | undefined;
  return samples.map((sample) => ({
    ...sample,
    archive: (work) => {
      archive ??= buildRootFs(work);
      return archive;
    },
  }));
}

async function buildRootFs(work: string): Promise<string> {
  if (!existsSync(busybox)) {
    throw new Error(`${busybox} is missing: install the package busybox-static`);
  }
  const root = join(work, 'root');
  for (const dir of ['bin', 'etc', 'tmp', 'www', 'root', 'proc', 'sys', 'dev']) {
    mkdirSync(join(root, dir), { recursive: true, mode: dir === 'tmp' || dir === 'www' ? 0o1777 : 0o755 });
  }
  cpSync(busybox, join(root, 'bin', 'busybox'), { dereference: true });
  const { stdout } = await run([busybox, '--list']);
  for (const applet of stdout.split('\n').filter((name) => name !== '' && name !== 'busybox')) {
    symlinkSync('busybox', join(root, 'bin', applet));
  }
  writeFileSync(
    join(root, 'etc', 'passwd'),
    'root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/tmp:/bin/false\n',
  );
  writeFileSync(join(root, 'etc', 'group'), 'root:x:0:\nnogroup:x:65534:\n');
  writeFileSync(join(root, 'bin', 'serve'), serveScript, { mode: 0o755 });
  await run(['chmod', '1777', join(root, 'tmp'), join(root, 'www')]);
  const archive = join(work, 'root.tar');
  await run(['tar', '--owner=0', '--group=0', '--numeric-owner', '-C', root, '-cf', archive, '.']);
  return archive;
}

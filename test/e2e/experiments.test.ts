import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, before, describe, it } from 'node:test';
import { tryKubectl } from './lib/cluster.js';
import { tryRun } from './lib/exec.js';
import { clusterName, etcDir, onHost } from './lib/machine.js';

/** A block of commands of the page, and the patterns (each for one line) that what they print must match. */
interface Block {
  section: string;
  script: string;
  patterns: RegExp[];
}

const page = new URL('../../../docs/networking-experiments.md', import.meta.url);

/** Blocks of the page in their order. A command begins with `# `; a here document goes on to its end mark. */
function blocksOf(markdown: string): Block[] {
  const blocks: Block[] = [];
  let section = 'preparation';
  for (const [, heading, body, expects] of markdown.matchAll(
    /^## (.+)$|^```console\n([\s\S]*?)^```\n((?:<!-- expect: .* -->\n)*)/gm,
  )) {
    if (heading) {
      section = heading;
      continue;
    }
    const script: string[] = [];
    let endMark: string | undefined;
    for (const line of (body ?? '').split('\n')) {
      if (endMark !== undefined) {
        script.push(line);
        if (line === endMark) {
          endMark = undefined;
        }
      } else if (line.startsWith('# ')) {
        script.push(line.slice(2));
        endMark = /<<'(\w+)'/.exec(line)?.[1];
      }
    }
    const patterns = [...(expects ?? '').matchAll(/^<!-- expect: (.*) -->$/gm)].map(
      ([, text]) => new RegExp(text ?? '', 'm'),
    );
    blocks.push({ section, script: script.join('\n'), patterns });
  }
  return blocks;
}

/** What must be other than on the page: the names of this cluster, and a kubeconfig whose context may be changed. */
function forThisCluster(script: string, kubeconfig: string): string {
  return script
    .replaceAll('/etc/kubelab/admin.kubeconfig', kubeconfig)
    .replaceAll('/run/netns/kubelab-', `/run/netns/${clusterName}-`)
    .replaceAll('/tmp/kubelab-trace', `/tmp/kubelab-${clusterName}-trace`);
}

/** The page is read as a person would follow it: one shell, from the first command to the last. */
describe('docs/networking-experiments.md', () => {
  const blocks = blocksOf(readFileSync(page, 'utf8'));
  const separator = '=== next block';
  const kubeconfig = `${etcDir}/experiments.kubeconfig`;
  let outputs: string[] = [];

  before(async () => {
    const script = [
      `install -m 600 ${etcDir}/admin.kubeconfig ${kubeconfig}`,
      ...blocks.map((block) => `${forThisCluster(block.script, kubeconfig)}\necho '${separator}'`),
    ].join('\n');
    const result = await tryRun(onHost(['bash', '-c', `exec 2>&1\n${script}`]), { timeoutMs: 1_200_000 });
    outputs = result.stdout.split(`${separator}\n`);
  });

  after(async () => {
    await tryKubectl('delete', 'namespace', 'lab', '--ignore-not-found', '--wait=false');
    await tryRun(['rm', '-f', kubeconfig]);
  });

  it('has commands', () => assert.ok(blocks.length >= 10, `${blocks.length} blocks`));

  for (const [i, { section, patterns }] of blocks.entries()) {
    it(`${section} (block ${i + 1})`, () => {
      const output = outputs[i];
      assert.ok(output !== undefined, `the page was not followed to here: ${outputs.at(-1)}`);
      for (const pattern of patterns) {
        assert.match(output, pattern);
      }
    });
  }
});

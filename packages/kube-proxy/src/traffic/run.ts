import { after, before, test } from 'node:test';
import type { Step } from './case.js';
import { cases } from './cases/index.js';
import { cleanup } from './cleanup.js';
import { restarts } from './restarts/index.js';
import type { Stage } from './stage.js';

/** Flows are looked at again in the next state, however long a busy machine takes to get there. */
const udpTimeouts = ['timeout', 'timeout_stream'].map((name) => `net.netfilter.nf_conntrack_udp_${name}=3600`);

/**
 * Registers the tests of a mode: of all cases the first state, then of all the second, and so on, since a sync is dear;
 * then what takes restarts; what `more` registers; and the removal of everything.
 */
export function trafficTests(stage: Stage, more: () => void = () => undefined): void {
  const { mode } = stage.mode;
  const made = [...cases, ...stage.mode.cases].map((c) => ({ name: c.name, steps: c.steps(mode) }));
  before(async () => {
    await stage.lab.up();
    // A refusal comes after routing: the node needs a way out, for IPv6 too.
    stage.lab.run('ip', '-6', 'route', 'replace', 'default', 'via', 'fd00:77::2');
    stage.mode.prepare(stage.lab);
    stage.lab.run('sysctl', '-qw', ...udpTimeouts);
  });
  after(async () => {
    await stage.end();
    stage.lab.down();
  });
  const states = Math.max(...made.map((c) => c.steps.length));
  for (let state = 0; state < states; state++) {
    const now = made.flatMap(({ name, steps }) => steps.slice(state, state + 1).map((step) => ({ name, step })));
    const reached = once(() =>
      reach(
        stage,
        now.map((c) => c.step),
        state === 0,
      ),
    );
    for (const { name, step } of now) {
      test(`${name}: ${step.name}`, async () => {
        await reached();
        await step.see(stage.lab, stage);
      });
    }
  }
  for (const { name, run } of restarts.filter((r) => r.modes?.includes(mode) ?? true)) test(name, () => run(stage));
  more();
  test('cleanup removes all of ours and nothing of others', () => cleanup(stage));
}

/** The first state is what a proxy finds when it starts. */
async function reach(stage: Stage, steps: Step[], isFirst: boolean): Promise<void> {
  // All in one turn of the loop, or the first change would get a sync of its own.
  const set = async () => void (await Promise.all(steps.map(async (step) => step.set(stage))));
  if (isFirst) return stage.start(set);
  await set();
  await stage.proxy.settled();
}

function once(make: () => Promise<void>): () => Promise<void> {
  let made: Promise<void> | undefined;
  return () => {
    made ??= make();
    return made;
  };
}

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { after, before, describe, test } from 'node:test';
import { Iptables } from './command.js';
import { detectBackend } from './detect.js';
import { RestoreError } from './errors.js';
import { removeChains } from './remove.js';
import { Restorer, type RestorerOptions } from './restorer.js';
import type { Backend, Family } from './types.js';

const isOurs = (_table: string, chain: string) => chain.startsWith('T-');

for (const backend of ['nft', 'legacy'] as Backend[]) {
  for (const family of ['ipv4', 'ipv6'] as Family[]) {
    describe(`${backend} ${family}`, () => suite(backend, family));
  }
}

function suite(backend: Backend, family: Family): void {
  const ns = `ipt${process.pid}${backend}${family}`;
  const prefix = ['ip', 'netns', 'exec', ns];
  const iptables = new Iptables({ backend, family, prefix });
  const host = (n: number) => (family === 'ipv4' ? `10.0.0.${n}` : `fd00::${n}`);
  const hook = { table: 'nat', chain: 'OUTPUT', rule: '-m comment --comment "ours first" -j T-SERVICES' } as const;
  const scripts: string[] = [];
  const make = (o: RestorerOptions = {}) => {
    const tool = new Iptables({ backend, family, prefix });
    const restore = tool.restore.bind(tool);
    tool.restore = (s) => {
      scripts.push(s);
      return restore(s);
    };
    return new Restorer(tool, o);
  };
  const fill = (r: Restorer, services: number) => {
    r.setBag('nat', 'T-SERVICES', ['-m comment --comment last -j RETURN']);
    for (let i = 1; i <= services; i++) {
      r.setChain('nat', `T-SVC-${i}`, [
        `-p tcp -j DNAT --to-destination ${family === 'ipv4' ? `${host(i)}:80` : `[${host(i)}]:80`}`,
      ]);
      r.setEntry('nat', 'T-SERVICES', `s${i}`, [
        `-d ${host(i)} -p tcp -m comment --comment "svc ${i}" -m tcp --dport 80 -j T-SVC-${i}`,
      ]);
    }
    r.setHook(hook);
  };
  const kernel = (table = 'nat') => iptables.save(table);
  let restorer: Restorer;

  before(async () => {
    execFileSync('ip', ['netns', 'add', ns]);
    await iptables.run('-t', 'nat', '-A', 'OUTPUT', '-m', 'comment', '--comment', 'a foreign rule', '-j', 'ACCEPT');
    restorer = make();
    fill(restorer, 40);
  });
  after(() => execFileSync('ip', ['netns', 'del', ns]));

  test('the first apply writes all, before foreign rules, and leaves those alone', async () => {
    const stats = await restorer.apply();
    assert.equal(stats.changedChains, 41);
    assert.equal(restorer.isPending, false);
    const output = await iptables.list('nat', 'OUTPUT');
    assert.match(output?.[0] ?? '', /T-SERVICES/);
    assert.match(output?.[1] ?? '', /a foreign rule/);
    assert.equal((await iptables.list('nat', 'T-SERVICES'))?.length, 41);
    assert.match((await iptables.list('nat', 'T-SERVICES'))?.[40] ?? '', /last/);
  });

  test('nothing changed: nothing is run', async () => {
    fill(restorer, 40);
    scripts.length = 0;
    assert.deepEqual(await restorer.apply(), { changedChains: 0, lines: 0 });
    assert.equal(scripts.length, 0);
  });

  test('one changed chain is one chain of script', async () => {
    scripts.length = 0;
    restorer.setChain('nat', 'T-SVC-7', ['-j RETURN']);
    await restorer.apply();
    assert.deepEqual(scripts, ['*nat\n:T-SVC-7 - [0:0]\n-A T-SVC-7 -j RETURN\nCOMMIT\n']);
    assert.deepEqual(await iptables.list('nat', 'T-SVC-7'), ['-j RETURN']);
  });

  test('an entry of a bag is inserted and deleted by single lines, its chain goes with it', async () => {
    scripts.length = 0;
    restorer.setEntry('nat', 'T-SERVICES', 's3', []);
    restorer.removeChain('nat', 'T-SVC-3');
    restorer.setChain('nat', 'T-SVC-99', []);
    restorer.setEntry('nat', 'T-SERVICES', 's99', [`-d ${host(99)} -j T-SVC-99`]);
    await restorer.apply();
    assert.equal(scripts.length, 1);
    assert.equal(scripts[0]?.split('\n').filter((l) => / T-SERVICES /.test(l)).length, 2);
    const save = await kernel();
    assert.doesNotMatch(save, /T-SVC-3\b/);
    assert.match(save, /T-SVC-99/);
    assert.deepEqual(await restorer.verify(isOurs), []);
  });

  test('a restart adopts what is there, writes only the difference and deletes what is not wanted', async () => {
    const next = make();
    fill(next, 39);
    next.setChain('nat', 'T-SVC-3', ['-j RETURN']);
    next.setEntry('nat', 'T-SERVICES', 's99', [`-d ${host(99)} -j T-SVC-99`]);
    next.setEntry('nat', 'T-SERVICES', 's3', []);
    next.setEntry('nat', 'T-SERVICES', 's40', [
      `-d ${host(40)} -p tcp -m tcp --dport 80 -m comment --comment "svc 40" -j T-SVC-40`,
    ]);
    next.setChain('nat', 'T-SVC-99', []);
    next.setChain('nat', 'T-SVC-40', [
      `-p tcp -j DNAT --to-destination ${family === 'ipv4' ? `${host(40)}:80` : `[${host(40)}]:80`}`,
    ]);
    await next.adopt(isOurs, ['nat']);
    scripts.length = 0;
    const stats = await next.apply();
    // T-SVC-3 is new, T-SVC-7 gets its rule back; the bag stands as it is.
    assert.equal(stats.changedChains, 2, scripts.join(''));
    next.removeChain('nat', 'T-SVC-3');
    await next.apply();
    restorer = next;
  });

  test('drift is found and mended', async () => {
    await iptables.run('-t', 'nat', '-F', 'T-SVC-5');
    await iptables.run('-t', 'nat', '-N', 'T-FOREIGN');
    await iptables.run('-t', 'nat', '-D', 'OUTPUT', '1');
    const drift = await restorer.verify(isOurs);
    assert.deepEqual(drift, [
      { table: 'nat', chain: 'T-SVC-5', problem: 'differs' },
      { table: 'nat', chain: 'T-FOREIGN', problem: 'unexpected' },
    ]);
    await restorer.apply();
    assert.deepEqual(await restorer.verify(isOurs), []);
    assert.match((await iptables.list('nat', 'OUTPUT'))?.[0] ?? '', /T-SERVICES/);
    assert.doesNotMatch(await kernel(), /T-FOREIGN/);
  });

  test('a refused rule is named; without it the rest is written', async () => {
    restorer.setChain('nat', 'T-BAD', ['-j NO-SUCH-CHAIN']);
    restorer.setChain('nat', 'T-GOOD', ['-j RETURN']);
    await assert.rejects(restorer.apply(), (e: unknown) => {
      assert.ok(e instanceof RestoreError);
      assert.equal(e.chain, 'T-BAD');
      assert.equal(e.table, 'nat');
      return true;
    });
    restorer.removeChain('nat', 'T-BAD');
    await restorer.apply();
    assert.deepEqual(await iptables.list('nat', 'T-GOOD'), ['-j RETURN']);
    assert.equal(await iptables.list('nat', 'T-BAD'), undefined);
  });

  test('after forget everything is written again', async () => {
    await iptables.run('-t', 'nat', '-F');
    await iptables.run('-t', 'nat', '-X');
    restorer.forget();
    await restorer.apply();
    assert.deepEqual(await restorer.verify(isOurs), []);
    assert.equal(await detectBackend({ family, prefix }), backend);
  });

  test('a look tells whether somebody flushed rules and left the chains', async () => {
    await restorer.apply();
    assert.equal(await restorer.isIntact(), true);
    const flushes = [['-F'], ['-F', 'OUTPUT'], ['-F', 'T-SERVICES'], ['-D', 'T-SERVICES', '41']];
    for (const flush of flushes) {
      await iptables.run('-t', 'nat', ...flush);
      assert.equal(await restorer.isIntact(), false, flush.join(' '));
      restorer.forget();
      assert.equal(await restorer.isIntact(), true, 'what is about to be written is not asked for');
      await restorer.apply();
      assert.equal(await restorer.isIntact(), true);
    }
    await iptables.run('-t', 'nat', '-F');
    await iptables.run('-t', 'nat', '-X');
    assert.equal(await restorer.isIntact(), false, 'chains gone too');
    restorer.forget();
    await restorer.apply();
    const next = make();
    fill(next, 40);
    next.setChain('nat', 'T-GOOD', ['-j RETURN']);
    await next.adopt(isOurs, ['nat']);
    await next.apply();
    assert.equal(await next.isIntact(), true, 'what was taken over');
  });

  test('many chains go in batches, each whole, and become reachable last', async () => {
    const next = make({ batchChains: 10 });
    fill(next, 40);
    next.setChain('nat', 'T-TOP', ['-j T-MIDDLE']);
    for (let i = 100; i < 120; i++) next.setChain('nat', `T-SVC-${i}`, ['-j RETURN']);
    next.setChain('nat', 'T-MIDDLE', ['-j T-BOTTOM']);
    next.setChain('nat', 'T-BOTTOM', ['-j RETURN']);
    next.setEntry('nat', 'T-SERVICES', 'top', [`-d ${host(200)} -j T-TOP`]);
    await next.adopt(isOurs, ['nat']);
    scripts.length = 0;
    await next.apply();
    assert.ok(scripts.length >= 3, `${scripts.length} calls`);
    const withTop = scripts.filter((s) => s.includes(':T-TOP '));
    for (const c of [':T-MIDDLE ', ':T-BOTTOM '])
      assert.ok(withTop.join('').includes(c), 'what it jumps to comes with it');
    const reach = scripts.findIndex((s) => /-j T-TOP$/m.test(s));
    const gone = scripts.findIndex((s) => /^-X T-GOOD$/m.test(s));
    assert.ok(reach > scripts.findIndex((s) => s.includes(':T-TOP ')));
    assert.ok(gone > reach);
    assert.equal(next.isPending, false);
    assert.deepEqual(await next.verify(isOurs), []);
    restorer = next;
  });

  test('comments of ordered chains count or not, as wished; those of a bag do', async () => {
    const commented = (r: Restorer, o: { ignoreComments: boolean }) => {
      fill(r, 40);
      r.setChain('nat', 'T-SVC-1', ['-m comment --comment "says more" -j RETURN']);
      r.setEntry('nat', 'T-SERVICES', 's2', [`-d ${host(2)} -p tcp -m tcp --dport 80 -j T-SVC-2`]);
      return r.adopt(isOurs, ['nat'], o);
    };
    await iptables.restore('*nat\n:T-SVC-1 - [0:0]\n-A T-SVC-1 -j RETURN\nCOMMIT\n');
    const loose = make();
    await commented(loose, { ignoreComments: true });
    scripts.length = 0;
    await loose.apply();
    assert.doesNotMatch(scripts.join(''), /-A T-SVC-1 /);
    assert.match(scripts.join(''), /-A T-SERVICES /);
    assert.deepEqual(await loose.verify(isOurs, { ignoreComments: true }), []);
    const strict = make();
    await commented(strict, { ignoreComments: false });
    scripts.length = 0;
    await strict.apply();
    assert.match(scripts.join(''), /-A T-SVC-1 -m comment --comment "says more" -j RETURN/);
    assert.doesNotMatch(scripts.join(''), /T-SERVICES/);
    assert.deepEqual(await strict.verify(isOurs), []);
  });

  test('removal leaves nothing of ours and all of others', async () => {
    await iptables.run('-t', 'nat', '-A', 'OUTPUT', '-j', 'ACCEPT');
    assert.ok((await removeChains(iptables, isOurs)) > 40);
    assert.doesNotMatch(await kernel(), /T-/);
    assert.equal((await iptables.list('nat', 'OUTPUT'))?.length, 1);
    assert.equal(await removeChains(iptables, isOurs), 0);
  });
}

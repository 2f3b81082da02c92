/** Sandboxes, containers and logs on a real Docker, through restarts of the shim and of Docker. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { isNotFound } from '@kubelab/cri';
import { startTestRuntime, type TestRuntime, until } from './testing/dockerd.js';
import { collect, createContainer, output, runPod, startContainer, waitForExit } from './testing/pods.js';

let runtime: TestRuntime;
before(async () => {
  runtime = await startTestRuntime();
});
after(() => runtime.close());

function logLines(path: string): { stream: string; tag: string; text: string }[] {
  const lines = readFileSync(path, 'utf8').split('\n');
  assert.equal(lines.pop(), '', 'the log ends with a line break');
  return lines.map((line) => {
    const match = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z (stdout|stderr) ([FP]) (.*)$/.exec(line);
    assert.ok(match, `not a CRI log line: ${line}`);
    return { stream: match[1] ?? '', tag: match[2] ?? '', text: match[3] ?? '' };
  });
}

test('a sandbox has an address, name servers and a host name, and keeps its attributes', async () => {
  const { cri } = runtime;
  const pod = await runPod(runtime, {
    hostname: 'a-host',
    dns_config: { servers: ['10.96.0.10'], searches: ['x.svc'], options: ['ndots:5'] },
    labels: { app: 'web' },
    annotations: { note: 'some text' },
  });
  const { status } = await cri.podSandboxStatus({ pod_sandbox_id: pod.id });
  assert.equal(status?.state, 'SANDBOX_READY');
  assert.match(status?.network?.ip ?? '', /^10\.99\.0\.\d+$/);
  assert.deepEqual(status?.labels, { app: 'web' });
  assert.deepEqual(status?.annotations, { note: 'some text' });
  assert.ok((status?.created_at ?? 0) > 0);

  const id = await startContainer(runtime, pod);
  assert.equal(await output(cri, id, 'hostname'), 'a-host');
  const resolvConf = await output(cri, id, 'cat', '/etc/resolv.conf');
  assert.equal(resolvConf, 'search x.svc\nnameserver 10.96.0.10\noptions ndots:5');
  assert.match(await output(cri, id, 'ip', 'addr', 'show', 'eth0'), new RegExp(status?.network?.ip ?? '-'));
  assert.match(await output(cri, id, 'cat', '/etc/hosts'), new RegExp(`^${status?.network?.ip}\ta-host$`, 'm'));

  const byLabel = await cri.listPodSandbox({ filter: { label_selector: { app: 'web' } } });
  assert.deepEqual(
    byLabel.items.map((item) => item.id),
    [pod.id],
  );
  const others = await cri.listPodSandbox({ filter: { label_selector: { app: 'other' } } });
  assert.deepEqual(others.items, []);
});

test('the verbose status says when the network is not what it was', async () => {
  const { cri } = runtime;
  const pod = await runPod(runtime);
  const details = async () => {
    const { info } = await cri.podSandboxStatus({ pod_sandbox_id: pod.id, verbose: true });
    return JSON.parse(info.info ?? '{}') as { networkCheck: string; pid: number };
  };
  const { networkCheck, pid } = await details();
  assert.equal(networkCheck, 'ok');
  execFileSync('nsenter', [`--net=/proc/${pid}/ns/net`, 'ip', 'link', 'delete', 'eth0']);
  assert.match((await details()).networkCheck, /eth0/);
  await cri.removePodSandbox({ pod_sandbox_id: pod.id });
});

test('sysctls of the network are the pod’s, and a file of the client’s goes before the sandbox’ own', async () => {
  const { cri } = runtime;
  const pod = await runPod(runtime, { linux: { sysctls: { 'net.ipv4.ip_unprivileged_port_start': '7' } } });
  const hosts = join(runtime.dir, 'own-hosts');
  writeFileSync(hosts, '192.0.2.1 own\n');
  const id = await startContainer(runtime, pod, 'sleep 1000', {
    mounts: [{ container_path: '/etc/hosts', host_path: hosts }],
    linux: { security_context: { readonly_rootfs: true } },
  });
  assert.equal(await output(cri, id, 'cat', '/proc/sys/net/ipv4/ip_unprivileged_port_start'), '7');
  assert.equal(await output(cri, id, 'cat', '/etc/hosts'), '192.0.2.1 own');
  assert.match(await output(cri, id, 'grep', '/etc/resolv.conf', '/proc/mounts'), / ro,/);
  assert.match(await output(cri, id, 'ip', 'addr', 'show', 'lo'), /UP[\s\S]*127\.0\.0\.1/);
  await cri.removePodSandbox({ pod_sandbox_id: pod.id });
  assert.ok(!readdirSync(join(runtime.dir, 'state', 'sandboxes')).includes(pod.id));
});

test('stopping and removing can be repeated, and unknown ids are gone already', async () => {
  const { cri } = runtime;
  const pod = await runPod(runtime);
  const id = await startContainer(runtime, pod);
  await cri.stopPodSandbox({ pod_sandbox_id: pod.id });
  await cri.stopPodSandbox({ pod_sandbox_id: pod.id });
  const { status, containers_statuses: statuses } = await cri.podSandboxStatus({ pod_sandbox_id: pod.id });
  assert.equal(status?.state, 'SANDBOX_NOTREADY');
  assert.equal(statuses[0]?.state, 'CONTAINER_EXITED');
  await cri.stopContainer({ container_id: id, timeout: 5 });
  await cri.removeContainer({ container_id: id });
  await cri.removeContainer({ container_id: id });
  await cri.removePodSandbox({ pod_sandbox_id: pod.id });
  await cri.removePodSandbox({ pod_sandbox_id: pod.id });
  await cri.stopPodSandbox({ pod_sandbox_id: 'nothing' });
  await cri.removeContainer({ container_id: 'nothing' });
  await assert.rejects(cri.podSandboxStatus({ pod_sandbox_id: pod.id }), (error) => isNotFound(error));
  await assert.rejects(cri.containerStatus({ container_id: id }), (error) => isNotFound(error));
});

test('the same attempt can be run once', async () => {
  const pod = await runPod(runtime);
  await assert.rejects(runtime.cri.runPodSandbox({ config: pod.config }), { code: 'ALREADY_EXISTS' });
});

test('exit codes, reasons and messages', async () => {
  const { cri } = runtime;
  const pod = await runPod(runtime);
  const failed = await waitForExit(cri, await startContainer(runtime, pod, 'exit 3'));
  assert.deepEqual([failed.exit_code, failed.reason], [3, 'Error']);
  assert.ok(failed.finished_at >= failed.started_at && failed.started_at > 0);
  const completed = await waitForExit(cri, await startContainer(runtime, pod, 'true'));
  assert.deepEqual([completed.exit_code, completed.reason], [0, 'Completed']);

  const broken = await createContainer(runtime, pod, '', { command: ['/no/such/program'] });
  await assert.rejects(cri.startContainer({ container_id: broken }), /no such file or directory/);
  const { status } = await cri.containerStatus({ container_id: broken });
  assert.deepEqual([status?.state, status?.exit_code, status?.reason], ['CONTAINER_EXITED', 128, 'StartError']);

  const oom = await startContainer(runtime, pod, 'dd if=/dev/zero of=/dev/null bs=20M', {
    linux: { resources: { memory_limit_in_bytes: 15 << 20, memory_swap_limit_in_bytes: 15 << 20 } },
  });
  const killed = await waitForExit(cri, oom);
  assert.deepEqual([killed.exit_code, killed.reason], [137, 'OOMKilled']);
});

test('a stop sends the stop signal first, and kills at once without time', async () => {
  const { cri } = runtime;
  const pod = await runPod(runtime);
  const script = (signal: string) => `trap 'exit 9' ${signal}; echo ready; while :; do sleep 0.1; done`;
  for (const [signal, code, timeout] of [
    ['TERM', 9, 20],
    ['USR1', 9, 20],
    ['TERM', 137, 0],
  ] as const) {
    const id = await startContainer(runtime, pod, script(signal), {
      ...(signal === 'USR1' ? { stop_signal: 'SIGUSR1' as const } : {}),
      log_path: 'trap.log',
    });
    const { status } = await cri.containerStatus({ container_id: id });
    await until(() => assert.equal(logLines(status?.log_path ?? '').at(-1)?.text, 'ready'));
    await cri.stopContainer({ container_id: id, timeout });
    assert.equal((await cri.containerStatus({ container_id: id })).status?.exit_code, code);
    await cri.removeContainer({ container_id: id });
    renameSync(status?.log_path ?? '', `${status?.log_path}.${code}`);
  }
});

test('logs: both streams, long lines in parts, complete once the status says that it has ended', async () => {
  const { cri } = runtime;
  const pod = await runPod(runtime);
  const script = 'echo out; echo err >&2; head -c 40000 /dev/zero | tr "\\0" x; echo; printf tail';
  const status = await waitForExit(cri, await startContainer(runtime, pod, script));
  const lines = logLines(status.log_path);
  assert.ok(lines.some(({ stream, tag, text }) => stream === 'stdout' && tag === 'F' && text === 'out'));
  assert.ok(lines.some(({ stream, tag, text }) => stream === 'stderr' && tag === 'F' && text === 'err'));
  const long = lines.filter(({ text }) => text.startsWith('x'));
  assert.equal(long.map(({ text }) => text).join('').length, 40000);
  assert.deepEqual(
    long.map(({ tag }) => tag),
    ['P', 'P', 'F'],
  );
  assert.deepEqual(lines.at(-1), { stream: 'stdout', tag: 'P', text: 'tail' });
});

test('logs: no line lost or doubled through kills of the shim, and through rotation', async () => {
  const { cri } = runtime;
  const pod = await runPod(runtime);
  const count = 20_000;
  const id = await startContainer(runtime, pod, `for i in $(seq 1 ${count}); do echo line $i; done; sleep 1000`);
  const path = (await cri.containerStatus({ container_id: id })).status?.log_path ?? '';
  const files = [path];
  for (let round = 1; round <= 3; round++) {
    await runtime.stopShim('SIGKILL');
    await runtime.startShim();
    const rotated = `${path}.${round}`;
    renameSync(path, rotated);
    await cri.reopenContainerLog({ container_id: id });
    files.splice(-1, 0, rotated);
  }
  const all = () => files.flatMap((file) => logLines(file).map(({ text }) => text));
  await until(() => assert.equal(all().at(-1), `line ${count}`));
  assert.deepEqual(
    all(),
    Array.from({ length: count }, (_, i) => `line ${i + 1}`),
  );
});

test('sandboxes, addresses and logs outlive a restart of Docker', async () => {
  const { cri } = runtime;
  const pod = await runPod(runtime);
  const id = await startContainer(runtime, pod, 'echo before; sleep 1000');
  const log = (await cri.containerStatus({ container_id: id })).status?.log_path ?? '';
  await until(() => assert.equal(logLines(log).at(-1)?.text, 'before'));
  await runtime.stopDocker();
  await assert.rejects(cri.listContainers({}), { code: 'UNAVAILABLE' });
  const down = await cri.status({});
  assert.equal(down.status?.conditions.find(({ type }) => type === 'RuntimeReady')?.status, false);
  await runtime.startDocker();

  const { status } = await cri.containerStatus({ container_id: id });
  assert.equal(status?.state, 'CONTAINER_EXITED');
  assert.equal(logLines(status?.log_path ?? '').at(-1)?.text, 'before');
  const sandbox = await cri.podSandboxStatus({ pod_sandbox_id: pod.id });
  assert.equal(sandbox.status?.state, 'SANDBOX_NOTREADY');
  await cri.removePodSandbox({ pod_sandbox_id: pod.id });
  const next = await runPod(runtime, { metadata: { ...pod.config.metadata, attempt: 1 } });
  assert.equal((await cri.podSandboxStatus({ pod_sandbox_id: next.id })).status?.state, 'SANDBOX_READY');
});

test('events tell of containers as they change, after a restart of Docker too', async () => {
  const { cri } = runtime;
  const stop = new AbortController();
  const seen: string[] = [];
  const pod = await runPod(runtime);
  const reading = (async () => {
    for await (const event of cri.getContainerEvents({}, { signal: stop.signal })) {
      seen.push(`${event.container_id} ${event.container_event_type} ${event.pod_sandbox_status?.state ?? ''}`);
    }
  })();
  // The call has no answer before its first event: make events until one is seen.
  await until(async () => {
    await cri.removeContainer({ container_id: await createContainer(runtime, pod, 'true') });
    assert.ok(seen.length > 0);
  });
  const id = await startContainer(runtime, pod, 'true');
  await waitForExit(cri, id);
  await cri.removeContainer({ container_id: id });
  const types = ['CREATED', 'STARTED', 'STOPPED', 'DELETED'];
  const wanted = types.map((type) => `${id} CONTAINER_${type}_EVENT SANDBOX_READY`);
  await until(() =>
    assert.deepEqual(
      seen.filter((line) => line.startsWith(id)),
      wanted,
    ),
  );
  stop.abort();
  await reading;
});

test('statistics of containers and pods', async () => {
  const { cri } = runtime;
  const pod = await runPod(runtime);
  const id = await startContainer(runtime, pod, 'dd if=/dev/zero of=/file bs=1M count=3; while :; do :; done', {
    labels: { stats: 'yes' },
    linux: { resources: { memory_limit_in_bytes: 64 << 20 } },
  });
  await until(async () => {
    const { stats } = await cri.containerStats({ container_id: id });
    assert.ok((stats?.cpu?.usage_core_nano_seconds?.value ?? 0) > 1e6);
    assert.ok((stats?.cpu?.usage_nano_cores?.value ?? 0) > 1e6);
    assert.ok((stats?.memory?.working_set_bytes?.value ?? 0) > 0);
    assert.ok((stats?.memory?.available_bytes?.value ?? 0) < 64 << 20);
  });
  await until(async () => {
    const { stats } = await cri.listContainerStats({ filter: { label_selector: { stats: 'yes' } } });
    assert.deepEqual(
      stats.map((one) => one.attributes?.id),
      [id],
    );
    assert.ok((stats[0]?.writable_layer?.used_bytes?.value ?? 0) >= 3 << 20);
  });
  const { stats } = await cri.podSandboxStats({ pod_sandbox_id: pod.id });
  assert.equal(stats?.linux?.network?.default_interface?.name, 'eth0');
  assert.ok((stats?.linux?.process?.process_count?.value ?? 0) >= 2);
  assert.equal(stats?.linux?.containers.length, 1);
});

test('a pod stays ready through a restart of the shim while the network has no configuration', async () => {
  const { cri } = runtime;
  const pod = await runPod(runtime);
  const config = `${runtime.dir}/cni/10-test.conflist`;
  const address = async () => {
    const { status } = await cri.podSandboxStatus({ pod_sandbox_id: pod.id });
    return `${status?.state} ${status?.network?.ip}`;
  };
  const before = await address();
  renameSync(config, `${config}.away`);
  await runtime.stopShim();
  await runtime.startShim();
  assert.equal(await address(), before);
  const { status } = await cri.status({});
  const network = status?.conditions.find(({ type }) => type === 'NetworkReady');
  assert.deepEqual([network?.status, network?.reason], [false, 'NetworkPluginNotReady']);
  const next = { ...pod.config, metadata: { ...pod.config.metadata, attempt: 1 } };
  await assert.rejects(cri.runPodSandbox({ config: next }), /failed to set up sandbox container/);
  renameSync(`${config}.away`, config);
  const { pod_sandbox_id: id } = await cri.runPodSandbox({ config: next });
  await cri.removePodSandbox({ pod_sandbox_id: id });
});

test('lists come as streams too', async () => {
  const { cri } = runtime;
  const pod = await runPod(runtime, { labels: { streamed: 'yes' } });
  const id = await startContainer(runtime, pod);
  const label_selector = { streamed: 'yes' };
  const sandboxes = await collect(cri.streamPodSandboxes({ filter: { label_selector } }));
  assert.deepEqual(
    sandboxes.flatMap(({ pod_sandboxes }) => pod_sandboxes),
    (await cri.listPodSandbox({ filter: { label_selector } })).items,
  );
  const containers = await collect(cri.streamContainers({ filter: { id } }));
  assert.deepEqual(
    containers.flatMap((message) => message.containers),
    (await cri.listContainers({ filter: { id } })).containers,
  );
  const stats = await collect(cri.streamContainerStats({ filter: { pod_sandbox_id: pod.id } }));
  assert.deepEqual(
    stats.flatMap(({ container_stats }) => container_stats.map(({ attributes }) => attributes?.id)),
    [id],
  );
  const podStats = await collect(cri.streamPodSandboxStats({ filter: { id: pod.id } }));
  assert.deepEqual(
    podStats.flatMap(({ pod_sandbox_stats }) => pod_sandbox_stats.map(({ attributes }) => attributes?.id)),
    [pod.id],
  );
  const metrics = await collect(cri.streamPodSandboxMetrics({}));
  assert.ok(metrics.some((message) => message.pod_sandbox_metrics.some((of) => of.pod_sandbox_id === pod.id)));
  const images = await collect(cri.streamImages({}));
  assert.deepEqual(
    images.flatMap((message) => message.images),
    (await cri.listImages({})).images,
  );
  assert.deepEqual(await collect(cri.streamContainers({ filter: { id: 'none' } })), []);
  await cri.removePodSandbox({ pod_sandbox_id: pod.id });
});

test('metrics: each has the labels its descriptor names', async () => {
  const { cri } = runtime;
  const pod = await runPod(runtime);
  const id = await startContainer(runtime, pod);
  const { descriptors } = await cri.listMetricDescriptors({});
  const labels = new Map(descriptors.map(({ name, label_keys }) => [name, label_keys.length]));
  const { pod_metrics: pods } = await cri.listPodSandboxMetrics({});
  const own = pods.find(({ pod_sandbox_id }) => pod_sandbox_id === pod.id);
  const metrics = [
    ...(own?.metrics ?? []),
    ...(own?.container_metrics.find((c) => c.container_id === id)?.metrics ?? []),
  ];
  for (const { name, label_values } of metrics) assert.equal(label_values.length, labels.get(name), name);
  const optional = /^container_(blkio|fs_reads|fs_writes)/;
  const missing = descriptors.filter(({ name }) => !optional.test(name) && !metrics.some((m) => m.name === name));
  assert.deepEqual(
    missing.map(({ name }) => name),
    [],
  );
});

test('a sandbox removed behind the shim’s back, up or down, gives its address back', async () => {
  for (const down of [false, true]) {
    const pod = await runPod(runtime);
    const { status } = await runtime.cri.podSandboxStatus({ pod_sandbox_id: pod.id });
    const reserved = `${runtime.dir}/cni/ipam/test/${status?.network?.ip}`;
    assert.ok(existsSync(reserved));
    if (down) await runtime.stopShim();
    await runtime.docker.getContainer(pod.id).remove({ force: true });
    if (down) await runtime.startShim();
    await until(() => assert.ok(!existsSync(reserved)));
  }
});

test('a shim killed while it makes and removes sandboxes leaves no address behind', async () => {
  const addresses = () => readdirSync(`${runtime.dir}/cni/ipam/test`).filter((name) => /^\d/.test(name));
  await runPod(runtime);
  const before = addresses();
  const kept = new Set((await runtime.docker.listContainers({ all: true })).map(({ Id }) => Id));
  const plugins = /^(bridge|host-local|portmap|loopback|bandwidth)$/;
  const pids = () =>
    execFileSync('ip', ['netns', 'pids', runtime.netns], { encoding: 'utf8' }).split('\n').filter(Boolean);
  const commandOf = (pid: string) => (existsSync(`/proc/${pid}/comm`) ? readFileSync(`/proc/${pid}/comm`, 'utf8') : '');
  for (let round = 0; round < 2; round++) {
    const runs = Array.from({ length: 4 }, () => runPod(runtime).catch(() => undefined));
    // As soon as one of them has an address, others are half way.
    await until(() => assert.ok(addresses().length > before.length));
    await runtime.stopShim();
    await Promise.all(runs);
    // Plugins that run on alone come to their end.
    await until(() => assert.ok(!pids().some((pid) => plugins.test(commandOf(pid).trim()))));
    for (const { Id } of await runtime.docker.listContainers({ all: true })) {
      if (!kept.has(Id)) await runtime.docker.getContainer(Id).remove({ force: true });
    }
    await runtime.startShim();
    await until(() => assert.deepEqual(addresses(), before));
  }
});

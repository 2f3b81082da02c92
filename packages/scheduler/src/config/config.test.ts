import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parse } from 'yaml';
import { Harness } from '../testing/harness.js';
import { compileConfig } from './load.js';
import { selectPlugins } from './plugin-selection.js';
import { ConfigError } from './raw.js';

const compile = (text: string, version = 'v1') =>
  compileConfig(parse(`apiVersion: kubescheduler.config.k8s.io/${version}\nkind: KubeSchedulerConfiguration\n${text}`));
const plugins = new Harness({ nodes: [] }).plugins;

/** Names of the plugins that do a step of the first profile. */
function at(text: string, point: 'filter' | 'score' | 'postFilter', version = 'v1'): string[] {
  const profile = compile(text, version).config.profiles[0];
  if (!profile) throw new Error('no profile');
  return selectPlugins(profile, plugins)
    .at(point)
    .map((p) => p.name);
}

const allScores = [
  'TaintToleration',
  'NodeAffinity',
  'NodeResourcesFit',
  'PodTopologySpread',
  'InterPodAffinity',
  'NodeResourcesBalancedAllocation',
  'ImageLocality',
];

test("an empty configuration is the default one, with Kubernetes' plugins and weights", () => {
  const { config } = compile('');
  assert.deepEqual(at('', 'score'), allScores);
  assert.deepEqual(at('', 'filter'), [
    'NodeUnschedulable',
    'NodeName',
    'TaintToleration',
    'NodeAffinity',
    'NodePorts',
    'NodeResourcesFit',
    'VolumeRestrictions',
    'NodeVolumeLimits',
    'VolumeBinding',
    'VolumeZone',
    'PodTopologySpread',
    'InterPodAffinity',
  ]);
  const [profile] = config.profiles;
  assert.equal(profile?.schedulerName, 'default-scheduler');
  const weight = selectPlugins(profile as never, plugins).weight;
  assert.deepEqual(allScores.map(weight), [3, 2, 1, 2, 2, 1, 1]);
  assert.deepEqual([config.podInitialBackoffMs, config.podMaxBackoffMs], [1000, 10_000]);
});

test('plugins turned off and on, at a step and everywhere', () => {
  const noScore =
    'profiles: [{plugins: {score: {disabled: [{name: "*"}], enabled: [{name: ImageLocality, weight: 7}]}}}]';
  assert.deepEqual(at(noScore, 'score'), ['ImageLocality']);
  const noTaints = 'profiles: [{plugins: {multiPoint: {disabled: [{name: TaintToleration}]}}}]';
  assert.ok(!at(noTaints, 'filter').includes('TaintToleration'));
  assert.ok(!at(noTaints, 'score').includes('TaintToleration'));
  const noPreemption = 'profiles: [{plugins: {postFilter: {disabled: [{name: DefaultPreemption}]}}}]';
  assert.deepEqual(at(noPreemption, 'postFilter'), []);
  assert.throws(
    () => at('profiles: [{plugins: {score: {enabled: [{name: Nothing}]}}}]', 'score'),
    /plugin "Nothing" does not exist/,
  );
  assert.throws(
    () => at('profiles: [{plugins: {score: {enabled: [{name: NodeName}]}}}]', 'score'),
    /does not extend score plugin/,
  );
});

test('arguments, and their defaults', () => {
  const { config } = compile(`
profiles:
  - pluginConfig:
      - {name: NodeResourcesFit, args: {scoringStrategy: {type: MostAllocated, resources: [{name: cpu}]}}}
      - {name: PodTopologySpread, args: {defaultingType: List, defaultConstraints: [{maxSkew: 1, topologyKey: z, whenUnsatisfiable: ScheduleAnyway}]}}
      - {name: InterPodAffinity, args: {hardPodAffinityWeight: 5}}`);
  const args = config.profiles[0]?.args;
  assert.deepEqual(args?.NodeResourcesFit.scoringStrategy, {
    type: 'MostAllocated',
    resources: [{ name: 'cpu', weight: 1 }],
  });
  assert.equal(args?.PodTopologySpread.systemDefaulted, false);
  assert.equal(args?.PodTopologySpread.defaultConstraints[0]?.topologyKey, 'z');
  assert.equal(args?.InterPodAffinity.hardPodAffinityWeight, 5);
  assert.equal(args?.VolumeBinding.bindTimeoutSeconds, 600);
});

test('a v1beta1 file: what were plugins are strategies now', () => {
  const text = `
profiles:
  - schedulerName: packer
    plugins:
      preFilter: {enabled: [{name: NodeResourcesFit}]}
      score:
        disabled: [{name: NodeResourcesLeastAllocated}, {name: NodePreferAvoidPods}, {name: SelectorSpread}]
        enabled: [{name: NodeResourcesMostAllocated, weight: 5}]
    pluginConfig:
      - {name: NodeResourcesMostAllocated, args: {resources: [{name: memory, weight: 3}]}}`;
  assert.deepEqual(at(text, 'score', 'v1beta1'), [
    'NodeResourcesFit',
    ...allScores.filter((n) => n !== 'NodeResourcesFit'),
  ]);
  const [profile] = compile(text, 'v1beta1').config.profiles;
  assert.deepEqual(profile?.args.NodeResourcesFit.scoringStrategy, {
    type: 'MostAllocated',
    resources: [{ name: 'memory', weight: 3 }],
  });
  assert.equal(selectPlugins(profile as never, plugins).weight('NodeResourcesFit'), 5);
  assert.throws(
    () => compile('profiles: [{plugins: {filter: {enabled: [{name: NodeLabel}]}}}]', 'v1beta2'),
    /plugin "NodeLabel" was removed/,
  );
  assert.doesNotThrow(() =>
    compile('profiles: [{plugins: {multiPoint: {enabled: [{name: ImageLocality}]}}}]', 'v1beta3'),
  );
});

const fit = (args: string) =>
  `profiles: [{pluginConfig: [{name: NodeResourcesFit, args: {scoringStrategy: ${args}}}]}]`;
const spread = (c: string) =>
  `profiles: [{pluginConfig: [{name: PodTopologySpread, args: {defaultingType: List, defaultConstraints: [${c}]}}]}]`;
const wrong: [string, RegExp][] = [
  ['percentageOfNodesToScore: 101', /percentageOfNodesToScore: Invalid value: 101: not in valid range \[0-100\]/],
  ['podInitialBackoffSeconds: 0', /podInitialBackoffSeconds: must be greater than 0/],
  ['podMaxBackoffSeconds: 0', /podMaxBackoffSeconds: must be greater than or equal/],
  ['profiles: [{schedulerName: a}, {}]', /profiles\[1\].schedulerName: Required value/],
  ['profiles: [{schedulerName: a}, {schedulerName: a}]', /profiles\[1\].schedulerName: Duplicate value/],
  ['profiles: [{pluginConfig: [{name: ImageLocality, args: {}}]}]', /plugin "ImageLocality" takes no arguments/],
  [fit('{type: Best}'), /scoringStrategy.type: Unsupported value: "Best"/],
  [
    fit('{type: LeastAllocated, resources: [{name: cpu, weight: 101}]}'),
    /resource weight of cpu not in valid range \[1, 100\]/,
  ],
  [fit('{type: RequestedToCapacityRatio}'), /shape: Required value/],
  [
    fit(
      '{type: RequestedToCapacityRatio, requestedToCapacityRatio: {shape: [{utilization: 5, score: 1}, {utilization: 5, score: 2}]}}',
    ),
    /sorted in increasing order/,
  ],
  [spread('{maxSkew: 0, topologyKey: z, whenUnsatisfiable: ScheduleAnyway}'), /maxSkew: must be greater than zero/],
  [
    spread('{maxSkew: 1, topologyKey: z, whenUnsatisfiable: ScheduleAnyway, labelSelector: {}}'),
    /labelSelector: Forbidden/,
  ],
  ['extenders: [{urlPrefix: "http://x", bindVerb: b}, {urlPrefix: "http://y", bindVerb: b}]', /only one is allowed/],
];
for (const [text, message] of wrong) {
  test(`refused: ${text}`, () => {
    assert.throws(
      () => compile(text),
      (error) => error instanceof ConfigError && message.test(error.message),
    );
  });
}

test('unknown kinds and versions are refused', () => {
  assert.throws(() => compile('', 'v2'), /no kind "KubeSchedulerConfiguration" is registered for version/);
  assert.throws(() => compileConfig({ kind: 'Pod' }), /unexpected kind Pod/);
});

test('what the file says about the process', () => {
  const { process } = compile(
    'clientConnection: {kubeconfig: /k, qps: 5}\nleaderElection: {leaderElect: false, leaseDuration: 20s}',
  );
  assert.deepEqual([process.kubeconfig, process.qps, process.leaderElection?.leaseDuration], ['/k', 5, '20s']);
});

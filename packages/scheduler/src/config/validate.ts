import { ConfigError } from './raw.js';
import type { ExtenderConfig, PluginArgs, SchedulerConfig } from './types.js';

type Report = (path: string, message: string) => void;

const within = (n: number, low: number, high: number): boolean => Number.isInteger(n) && n >= low && n <= high;

/** Throws ConfigError with everything that is wrong. */
export function validateConfig(config: SchedulerConfig): void {
  const problems: string[] = [];
  const report: Report = (path, message) => problems.push(`${path}: ${message}`);
  const percentage = (n: number | undefined, path: string): void => {
    if (n !== undefined && !within(n, 0, 100)) report(path, `Invalid value: ${n}: not in valid range [0-100]`);
  };
  percentage(config.percentageOfNodesToScore, 'percentageOfNodesToScore');
  if (!(config.podInitialBackoffMs > 0)) report('podInitialBackoffSeconds', 'must be greater than 0');
  if (config.podMaxBackoffMs < config.podInitialBackoffMs) {
    report('podMaxBackoffSeconds', 'must be greater than or equal to PodInitialBackoffSeconds');
  }
  const seen = new Map<string, number>();
  config.profiles.forEach((profile, i) => {
    const path = `profiles[${i}]`;
    const { schedulerName: name } = profile;
    percentage(profile.percentageOfNodesToScore, `${path}.percentageOfNodesToScore`);
    if (!name) report(`${path}.schedulerName`, 'Required value');
    if (seen.has(name)) report(`${path}.schedulerName`, `Duplicate value: "profiles[${seen.get(name)}]"`);
    seen.set(name, i);
    validateArgs(profile.args, `${path}.pluginConfig`, report);
  });
  validateExtenders(config.extenders, report);
  if (problems.length > 0) throw new ConfigError(problems.join(', '));
}

function validateArgs(args: PluginArgs, path: string, report: Report): void {
  const { minCandidateNodesPercentage: share, minCandidateNodesAbsolute: least } = args.DefaultPreemption;
  if (!within(share, 0, 100))
    report(`${path}[DefaultPreemption].minCandidateNodesPercentage`, 'not in valid range [0, 100]');
  if (least < 0) report(`${path}[DefaultPreemption].minCandidateNodesAbsolute`, 'not in valid range [0, inf)');
  if (share === 0 && least === 0) {
    report(
      `${path}[DefaultPreemption]`,
      'both minCandidateNodesPercentage and minCandidateNodesAbsolute cannot be zero',
    );
  }
  if (!within(args.InterPodAffinity.hardPodAffinityWeight, 0, 100)) {
    report(`${path}[InterPodAffinity].hardPodAffinityWeight`, 'not in valid range [0, 100]');
  }
  if (args.VolumeBinding.bindTimeoutSeconds < 0) {
    report(`${path}[VolumeBinding].bindTimeoutSeconds`, 'invalid BindTimeoutSeconds, should not be a negative value');
  }
  validateSpread(args, `${path}[PodTopologySpread].defaultConstraints`, report);
  validateFit(args.NodeResourcesFit, `${path}[NodeResourcesFit].scoringStrategy`, report);
  validateResources(args.NodeResourcesBalancedAllocation.resources, `${path}[NodeResourcesBalancedAllocation]`, report);
}

function validateSpread(args: PluginArgs, path: string, report: Report): void {
  if (args.PodTopologySpread.systemDefaulted) return;
  args.PodTopologySpread.defaultConstraints.forEach((c, i) => {
    if (!within(c.maxSkew, 1, 2 ** 31)) report(`${path}[${i}].maxSkew`, 'must be greater than zero');
    if (!c.topologyKey) report(`${path}[${i}].topologyKey`, 'can not be empty');
    if (c.whenUnsatisfiable !== 'DoNotSchedule' && c.whenUnsatisfiable !== 'ScheduleAnyway') {
      report(`${path}[${i}].whenUnsatisfiable`, `Unsupported value: "${c.whenUnsatisfiable}"`);
    }
    if (c.labelSelector) {
      const why = 'constraint must not define a selector, as they deduced for each pod';
      report(`${path}[${i}].labelSelector`, `Forbidden: ${why}`);
    }
  });
}

function validateFit(args: PluginArgs['NodeResourcesFit'], path: string, report: Report): void {
  const { type, resources, requestedToCapacityRatio } = args.scoringStrategy;
  if (!['LeastAllocated', 'MostAllocated', 'RequestedToCapacityRatio'].includes(type)) {
    report(`${path}.type`, `Unsupported value: "${type}"`);
  }
  validateResources(resources, path, report);
  if (type !== 'RequestedToCapacityRatio') return;
  const shape = requestedToCapacityRatio?.shape ?? [];
  const at = `${path}.requestedToCapacityRatio.shape`;
  if (shape.length === 0) report(at, 'Required value: at least one point must be specified');
  shape.forEach(({ utilization, score }, i) => {
    if (!within(utilization, 0, 100)) report(`${at}[${i}].utilization`, 'not in valid range [0, 100]');
    if (!within(score, 0, 10)) report(`${at}[${i}].score`, 'not in valid range [0, 10]');
    const before = shape[i - 1];
    if (before && before.utilization >= utilization) {
      report(`${at}[${i}].utilization`, 'utilization values must be sorted in increasing order');
    }
  });
}

function validateResources(resources: { name: string; weight: number }[], path: string, report: Report): void {
  resources.forEach(({ name, weight }, i) => {
    if (!within(weight, 1, 100))
      report(`${path}.resources[${i}].weight`, `resource weight of ${name} not in valid range [1, 100]`);
  });
}

function validateExtenders(extenders: ExtenderConfig[], report: Report): void {
  extenders.forEach((e, i) => {
    if (e.prioritizeVerb && (e.weight ?? 1) <= 0) {
      report(`extenders[${i}].weight`, 'must have a positive weight applied to it');
    }
  });
  if (extenders.filter((e) => e.bindVerb).length > 1) {
    report('extenders', 'found more than one extender implementing bind, only one is allowed');
  }
}

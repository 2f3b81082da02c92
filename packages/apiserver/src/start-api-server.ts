import { readFileSync } from 'node:fs';
import { resources } from '@kubelab/api';
import { parseGroupVersion } from '@kubelab/apimachinery';
import type { ComponentContext, OptionValues, RunningComponent } from '@kubelab/component-base';
import { Compactor, EtcdStore, WatchCache } from '@kubelab/storage';
import {
  checkAdmissionExpressions,
  createAdmission,
  readAdmissionConfiguration,
  WebhookClient,
} from './admission/index.js';
import { AggregationProxy, Aggregator, LocalApiServices } from './aggregation/index.js';
import { CustomResourceController, completeDefinitionEntry } from './apiextensions/index.js';
import { createAuditor } from './audit/index.js';
import { type AuthenticationOptions, createAuthentication } from './authentication/index.js';
import { createAuthorization } from './authorization/index.js';
import { createConnect } from './connect/index.js';
import { createTransformer } from './encryption/index.js';
import { decodeMutated } from './handlers/decode-mutated.js';
import { openApiRoutes } from './openapi/index.js';
import { ServiceHooks } from './registry/hooks.js';
import { StoreAccess } from './registry/object-access.js';
import { Reader } from './registry/reader.js';
import { Writer } from './registry/writer.js';
import type { RequestInfo } from './request-info.js';
import { advertiseAddress } from './server/advertise-address.js';
import { createApp } from './server/app.js';
import { RequestChain } from './server/chain.js';
import { createLimits } from './server/create-limits.js';
import { listen } from './server/https-server.js';
import { RequestMetrics } from './server/metrics.js';
import { registerObjectMetrics } from './server/object-metrics.js';
import { createServiceAllocation } from './service-allocation/create-service-allocation.js';
import { ServiceResolver } from './service-resolver.js';
import { foreignTokenAuthenticators, webhookAuthorizer } from './start/access.js';
import { publishAuthentication } from './start/authentication-configmap.js';
import { type ComponentProbe, componentStatuses, localProbe } from './start/component-statuses.js';
import { KubernetesService } from './start/kubernetes-service.js';
import { ensureSystemPriorityClasses } from './start/priority-classes.js';
import { StartHooks } from './start/start-hooks.js';
import { ensureSystemNamespaces } from './start/system-namespaces.js';

/** So much of the log unwritten means that nobody reads it any more. */
const stuckLogBytes = 16 << 20;

const customResourceSteps = ['start-apiextensions-informers', 'start-apiextensions-controllers', 'crd-informer-synced'];
const aggregatorSteps = [
  'start-kube-aggregator-informers',
  'apiservice-status-available-controller',
  'apiservice-openapi-controller',
];

const readText = (path: string | undefined) => (path ? readFileSync(path, 'utf8') : undefined);

/** Wires the API server from its flags and starts it. Rejects for files that are missing and a port that is taken. */
export async function startApiServer(context: ComponentContext): Promise<RunningComponent> {
  const { options, logger, health, metrics } = context;
  const eventTtlSeconds = Math.ceil(options.durationMs('event-ttl') / 1000);
  const store = new EtcdStore({
    servers: options.strings('etcd-servers'),
    caFile: options.optionalString('etcd-cafile'),
    certFile: options.optionalString('etcd-certfile'),
    keyFile: options.optionalString('etcd-keyfile'),
    prefix: options.string('etcd-prefix'),
    transformer: createTransformer(options, resources),
    ttlSeconds: (key) => (key.startsWith('events/') ? eventTtlSeconds : undefined),
  });
  const cache = new WatchCache(store, logger);
  const objects = new StoreAccess(resources, store, cache);
  const authentication = createAuthentication(authenticationOptions(options), objects);
  const authorization = createAuthorization(options.strings('authorization-mode'), objects, webhookAuthorizer(options));
  const admission = createAdmission({
    ...readAdmissionConfiguration(options.optionalString('admission-control-config-file')),
    enable: options.strings('enable-admission-plugins'),
    disable: options.strings('disable-admission-plugins'),
    objects,
    authorizer: authorization.authorizer,
    ...(authorization.escalation ? { escalation: authorization.escalation } : {}),
    kindLookup: (apiVersion, kind) => lookupKind(apiVersion, kind),
    decodeMutated: (object) => decodeMutated(resources, object),
    onIgnoredFailure: (webhook, message) => logger.warn('A webhook failed and is ignored', { webhook, message }),
    defaultNotReadyTolerationSeconds: options.number('default-not-ready-toleration-seconds'),
    defaultUnreachableTolerationSeconds: options.number('default-unreachable-toleration-seconds'),
  });
  const services = createServiceAllocation(context, objects, store);
  const writer = new Writer(store, cache, new ServiceHooks(services.allocator));
  checkAdmissionExpressions(resources);
  const definitions = resources.lookup('apiextensions.k8s.io', 'v1', 'customresourcedefinitions');
  if (definitions) {
    completeDefinitionEntry(definitions);
  }
  const connect = createConnect(objects, {
    certPem: readText(options.optionalString('kubelet-client-certificate')),
    keyPem: readText(options.optionalString('kubelet-client-key')),
    caPem: readText(options.optionalString('kubelet-certificate-authority')),
    preferredAddressTypes: options.strings('kubelet-preferred-address-types'),
  });
  const ownAddress = advertiseAddress(options.optionalString('advertise-address'), options.string('bind-address'));
  const serverAddress = `${ownAddress}:${options.number('secure-port')}`;
  const aggregator = new Aggregator(
    objects,
    {
      certPem: readText(options.optionalString('proxy-client-cert-file')),
      keyPem: readText(options.optionalString('proxy-client-key-file')),
    },
    logger,
  );
  const remote = () => aggregator.remoteGroupVersions();
  registerObjectMetrics({ registry: metrics, table: resources, cache, remote });
  const limits = createLimits(context, objects);
  const audit = createAuditor(context);
  const app = createApp({
    table: resources,
    health,
    metrics,
    authentication,
    serverAddress,
    remote,
    routes: [(routes) => limits.routes(routes), openApiRoutes(resources, aggregator)],
  });
  const chain = new RequestChain({
    authentication,
    authorizer: authorization.authorizer,
    environment: {
      table: resources,
      reader: new Reader(store, cache),
      writer,
      cache,
      admission,
      logger,
      minRequestTimeoutSeconds: options.number('min-request-timeout'),
    },
    special: {
      reviews: { ...authorization.reviews, tokenreviews: authentication.tokenReview },
      tokenRequests: authentication.tokenRequests,
      computed: { componentstatuses: () => componentStatuses(componentProbes(store)) },
    },
    connect: connect.handlers,
    limits: limits.limits,
    aggregation: new AggregationProxy(aggregator),
    ...(audit ? { auditor: audit.auditor } : {}),
    metrics: new RequestMetrics(metrics, isServed),
    table: resources,
    logger,
    other: app,
  });

  const hooks = new StartHooks(logger);
  await hooks.before(['generic-apiserver-start-informers'], async () => {
    await cache.start();
    await authorization.start();
    await services.start();
  });
  const stopAdmission = await hooks.before(['start-kube-apiserver-admission-initializer'], () => admission.start());
  const conversionWebhooks = new WebhookClient(new ServiceResolver(objects));
  const customResources = new CustomResourceController(objects, resources, writer, logger, conversionWebhooks);
  const stopCustomResources = await hooks.before(customResourceSteps, () => customResources.start());
  await limits.start();
  await hooks.before(aggregatorSteps, () => aggregator.start());
  const localApiServices = new LocalApiServices(resources, objects, logger);
  localApiServices.start();
  const kubernetesService = new KubernetesService(
    objects,
    {
      advertiseAddress: ownAddress,
      port: options.number('secure-port'),
      clusterIp: services.kubernetesServiceIp,
      allocate: (service) => services.allocator.assign(service, undefined, false),
    },
    logger,
  );
  hooks.add('start-system-namespaces-controller', () => ensureSystemNamespaces(objects), 60_000);
  hooks.add('scheduling/bootstrap-system-priority-classes', () => ensureSystemPriorityClasses(objects));
  hooks.add('apiservice-registration-controller', () => localApiServices.ensure(), 60_000);
  hooks.add('kube-apiserver-autoregistration', () => localApiServices.ensure());
  if (limits.bootstrap) {
    hooks.add('priority-and-fairness-config-producer', limits.bootstrap, 60_000);
  }
  hooks.add('rbac/bootstrap-roles', () => authorization.bootstrap());
  hooks.add('start-kubernetes-service-cidr-controller', () => services.ensureDefaultCidr(), 10_000);
  hooks.add('start-service-ip-repair-controllers', () => services.repair(), 180_000);
  hooks.add('bootstrap-controller', () => kubernetesService.reconcile(), 10_000);
  hooks.add('start-cluster-authentication-info-controller', () => publish(options, objects), 60_000);
  let stopping = false;
  health.addCheck('etcd', () => checkEtcd(store));
  health.addCheck('informer-sync', () => fail(!cache.ready, 'the watch cache is not loaded'), ['readyz']);
  for (const name of hooks.names) {
    const check = () => fail(!hooks.done(name), 'not finished');
    health.addCheck(`poststarthook/${name}`, check);
  }
  health.addCheck('autoregister-completion', () =>
    fail(!hooks.done('kube-apiserver-autoregistration'), 'not finished'),
  );
  health.addCheck('log', () => fail(process.stderr.writableLength > stuckLogBytes, 'the log is not taken'));
  health.addCheck('shutdown', () => fail(stopping, 'process is shutting down'), ['readyz']);

  const { server, port } = await listen(
    {
      bindAddress: options.string('bind-address'),
      port: options.number('secure-port'),
      cert: readFileSync(options.string('tls-cert-file')),
      key: readFileSync(options.string('tls-private-key-file')),
      clientCaPem: authentication.clientCaPem,
    },
    chain,
  );
  logger.info('Serving', { address: options.string('bind-address'), port });
  hooks.start();
  const intervalMs = options.durationMs('etcd-compaction-interval');
  const compactor = new Compactor(store, intervalMs, logger);
  const compacting = intervalMs > 0 ? compactor.run() : Promise.resolve();

  return {
    async stop() {
      stopping = true;
      compactor.stop();
      await hooks.stop();
      await services.stop();
      await kubernetesService.withdraw().catch((error) => logger.warn('Could not withdraw the address', { error }));
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      server.closeIdleConnections();
      // Watches and streams have no end of their own: their clients come back to another server, or to the next start.
      const cut = setTimeout(() => server.closeAllConnections(), 1_000);
      await closed;
      clearTimeout(cut);
      connect.close();
      authorization.stop();
      stopAdmission();
      stopCustomResources();
      conversionWebhooks.close();
      limits.stop();
      localApiServices.stop();
      aggregator.stop();
      await audit?.log.close();
      await cache.stop();
      await compacting;
      store.close();
    },
  };
}

function isServed(info: RequestInfo): boolean {
  const entry = resources.lookup(info.apiGroup, info.apiVersion, info.resource);
  return entry !== undefined && (info.subresource === '' || info.subresource in entry.subresources);
}

function lookupKind(apiVersion: string, kind: string) {
  const { group, version } = parseGroupVersion(apiVersion);
  const entry = resources.byKind(group, version, kind);
  return entry && { group, version, resource: entry.resource, namespaced: entry.namespaced };
}

function fail(condition: boolean, message: string): void {
  if (condition) {
    throw new Error(message);
  }
}

async function checkEtcd(store: EtcdStore): Promise<void> {
  await store.currentRevision();
}

function componentProbes(store: EtcdStore): ComponentProbe[] {
  const etcd = { name: 'etcd-0', check: () => checkEtcd(store).then(() => 'ok') };
  return [localProbe('scheduler', 10259), localProbe('controller-manager', 10257), etcd];
}

function publish(options: OptionValues, objects: StoreAccess): Promise<void> {
  const clientCaPem = readText(options.optionalString('requestheader-client-ca-file'));
  return publishAuthentication(objects, {
    clientCaPem: readText(options.optionalString('client-ca-file')),
    ...(clientCaPem
      ? {
          requestheader: {
            clientCaPem,
            allowedNames: options.strings('requestheader-allowed-names'),
            usernameHeaders: options.strings('requestheader-username-headers'),
            groupHeaders: options.strings('requestheader-group-headers'),
            extraHeaderPrefixes: options.strings('requestheader-extra-headers-prefix'),
          },
        }
      : {}),
  });
}

function authenticationOptions(options: OptionValues): AuthenticationOptions {
  const requestheaderCa = options.optionalString('requestheader-client-ca-file');
  const maxExpirationMs = options.durationMs('service-account-max-token-expiration');
  return {
    clientCaFile: options.optionalString('client-ca-file'),
    tokenAuthFile: options.optionalString('token-auth-file'),
    basicAuthFile: options.optionalString('basic-auth-file'),
    extraTokenAuthenticators: foreignTokenAuthenticators(options),
    enableBootstrapTokenAuth: options.boolean('enable-bootstrap-token-auth'),
    serviceAccountKeyFiles: options.strings('service-account-key-file'),
    serviceAccountSigningKeyFile: options.optionalString('service-account-signing-key-file'),
    serviceAccountIssuers: options.strings('service-account-issuer'),
    serviceAccountJwksUri: options.optionalString('service-account-jwks-uri'),
    serviceAccountExtendTokenExpiration: options.boolean('service-account-extend-token-expiration'),
    ...(maxExpirationMs > 0 ? { serviceAccountMaxTokenExpirationSeconds: maxExpirationMs / 1000 } : {}),
    apiAudiences: options.strings('api-audiences'),
    anonymousAuth: options.boolean('anonymous-auth'),
    ...(requestheaderCa
      ? {
          requestheader: {
            clientCaFile: requestheaderCa,
            allowedNames: options.strings('requestheader-allowed-names'),
            usernameHeaders: options.strings('requestheader-username-headers'),
            groupHeaders: options.strings('requestheader-group-headers'),
            extraHeaderPrefixes: options.strings('requestheader-extra-headers-prefix'),
          },
        }
      : {}),
  };
}

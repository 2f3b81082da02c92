import type { V1PersistentVolume, V1PersistentVolumeClaim, V1Pod } from '@kubelab/api';
import { isAlreadyExists, isNotFound, semanticEqual, splitObjectKey } from '@kubelab/apimachinery';
import { gvr } from '@kubelab/client';
import type { ControllerContext, ControllerDescriptor } from '../framework/controller.js';
import type { Node, PersistentVolume, PersistentVolumeClaim, Pod, StorageClass } from '../framework/kinds.js';
import { keyOf } from '../framework/live.js';
import { messageOf } from '../framework/pod-control.js';
import { Reconciler } from '../framework/reconciler.js';
import {
  betaStorageProvisioner,
  bindCompleted,
  boundByController,
  provisionedBy,
  selectedNode,
  storageProvisioner,
} from './annotations.js';
import { DirectoryHelper, helperClaimAnnotation, helperVolumeLabel } from './directory-helper.js';
import { classOf, findBestMatch, refersTo, satisfies } from './match.js';
import {
  checkOwnDirectory,
  hostnameOf,
  hostnameOfVolume,
  hostPathProvisioner,
  hostPathVolume,
  volumeNameFor,
} from './provision.js';

/** Binds claims to volumes, provisions directory volumes, and reclaims volumes whose claim is gone. */
export const persistentVolumeBinderController: ControllerDescriptor = {
  name: 'persistentvolume-binder-controller',
  aliases: ['persistentvolume-binder'],
  serviceAccount: 'persistent-volume-binder',
  eventSource: 'persistentvolume-controller',
  create: newBinder,
};

const claimPrefix = 'claim:';
const volumePrefix = 'volume:';
const helperPrefix = 'helper:';

function newBinder(context: ControllerContext): Reconciler {
  const { client, informers, recorder, logger, options } = context;
  const claims = informers.informer<PersistentVolumeClaim>(gvr.persistentvolumeclaims);
  const volumes = informers.informer<PersistentVolume>(gvr.persistentvolumes);
  const classes = informers.informer<StorageClass>(gvr.storageclasses);
  const nodes = informers.informer<Node>(gvr.nodes);
  const claimClient = client.resource<V1PersistentVolumeClaim>(gvr.persistentvolumeclaims);
  const volumeClient = client.resource<V1PersistentVolume>(gvr.persistentvolumes);
  const pods = informers.informer<Pod>(gvr.pods);
  const directories = new DirectoryHelper({
    pods: pods.lister,
    client: client.resource<V1Pod>(gvr.pods),
    image: options.hostPathProvisionerImage,
    baseDir: options.hostPathProvisionerDir,
  });

  async function reconcile(key: string): Promise<void> {
    if (key.startsWith(claimPrefix)) {
      const { namespace, name } = splitObjectKey(key.slice(claimPrefix.length));
      const claim = claims.lister.get(namespace, name);
      if (claim) await syncClaim(claim);
    } else if (key.startsWith(helperPrefix)) {
      await tidyHelpers(key.slice(helperPrefix.length));
    } else {
      const volume = volumes.lister.get(undefined, key.slice(volumePrefix.length));
      if (volume) await syncVolume(volume);
    }
  }

  async function syncClaim(claim: PersistentVolumeClaim): Promise<void> {
    const { volumeName } = claim.spec;
    if (claim.metadata.annotations?.[bindCompleted] !== undefined) {
      await checkBound(claim);
      return;
    }
    if (volumeName) {
      const volume = volumes.lister.get(undefined, volumeName);
      if (!volume || (volume.spec.claimRef && !refersTo(volume.spec.claimRef, claim))) {
        if (volume) {
          const message = `volume "${volumeName}" already bound to a different claim.`;
          recorder.event(claim, 'Warning', 'FailedBinding', message);
        }
        await setClaimPhase(claim, 'Pending');
      } else if (!satisfies(volume, claim)) {
        const message = `Cannot bind to requested volume "${volumeName}": requested PV is too small or does not match`;
        recorder.event(claim, 'Warning', 'VolumeMismatch', message);
        await setClaimPhase(claim, 'Pending');
      } else {
        await bind(volume, claim);
      }
      return;
    }
    if (claim.metadata.deletionTimestamp) return;
    const storageClass = classes.lister.get(undefined, classOf(claim));
    const chosen = claim.metadata.annotations?.[selectedNode];
    const waits = storageClass?.volumeBindingMode === 'WaitForFirstConsumer';
    const volume = findBestMatch(
      claim,
      volumes.lister.list(),
      chosen ? nodes.lister.get(undefined, chosen) : undefined,
    );
    // Without a consumer only a volume reserved for the claim may be bound.
    if (volume && (!waits || chosen || volume.spec.claimRef)) {
      await bind(volume, claim);
      return;
    }
    if (waits && !chosen) {
      const message = 'waiting for first consumer to be created before binding';
      recorder.event(claim, 'Normal', 'WaitForFirstConsumer', message);
    } else if (storageClass) {
      await provision(claim, storageClass);
    } else if (classOf(claim)) {
      const message = `storageclass.storage.k8s.io "${classOf(claim)}" not found`;
      recorder.event(claim, 'Warning', 'ProvisioningFailed', message);
    } else {
      const message = 'no persistent volumes available for this claim and no storage class is set';
      recorder.event(claim, 'Normal', 'FailedBinding', message);
    }
    await setClaimPhase(claim, 'Pending');
  }

  /** A bound claim must have its volume; without it the data is gone. */
  async function checkBound(claim: PersistentVolumeClaim): Promise<void> {
    const volume = volumes.lister.get(undefined, claim.spec.volumeName ?? '');
    if (!claim.spec.volumeName || !volume) {
      await lose(claim, 'ClaimLost', 'Bound claim has lost its PersistentVolume. Data on the volume is lost!');
    } else if (volume.spec.claimRef && !refersTo(volume.spec.claimRef, claim)) {
      await lose(claim, 'ClaimMisbound', 'Two claims are bound to the same volume, this one is bound incorrectly');
    } else {
      await bind(volume, claim);
    }
  }

  async function lose(claim: PersistentVolumeClaim, reason: string, message: string): Promise<void> {
    if (claim.status?.phase !== 'Lost') recorder.event(claim, 'Warning', reason, message);
    await setClaimPhase(claim, 'Lost');
  }

  /** Both sides, the volume first: a claim never names a volume that is not reserved for it. */
  async function bind(volume: PersistentVolume, claim: PersistentVolumeClaim): Promise<void> {
    const reserved = await bindVolume(volume, claim);
    if (reserved.status?.phase !== 'Bound') {
      await volumeClient.updateStatus({ ...reserved, status: { ...reserved.status, phase: 'Bound' } });
    }
    const annotations: Record<string, string> = { ...claim.metadata.annotations, [bindCompleted]: 'yes' };
    let bound: V1PersistentVolumeClaim = claim;
    if (claim.spec.volumeName !== volume.metadata.name || claim.metadata.annotations?.[bindCompleted] === undefined) {
      if (!claim.spec.volumeName) annotations[boundByController] = 'yes';
      bound = await claimClient.namespace(claim.metadata.namespace).update({
        ...claim,
        metadata: { ...claim.metadata, annotations },
        spec: { ...claim.spec, volumeName: volume.metadata.name },
      });
    }
    const capacity = bound.status?.capacity?.storage ? bound.status.capacity : volume.spec.capacity;
    const status = { ...bound.status, phase: 'Bound', accessModes: volume.spec.accessModes, capacity };
    if (semanticEqual(bound.status ?? {}, status)) return;
    await claimClient.namespace(claim.metadata.namespace).updateStatus({ ...bound, status });
  }

  async function bindVolume(volume: PersistentVolume, claim: PersistentVolumeClaim): Promise<V1PersistentVolume> {
    if (volume.spec.claimRef?.uid === claim.metadata.uid) return volume;
    const annotations = { ...volume.metadata.annotations };
    if (!volume.spec.claimRef) annotations[boundByController] = 'yes';
    return volumeClient.update({
      ...volume,
      metadata: { ...volume.metadata, annotations },
      spec: {
        ...volume.spec,
        claimRef: {
          apiVersion: 'v1',
          kind: 'PersistentVolumeClaim',
          namespace: claim.metadata.namespace,
          name: claim.metadata.name,
          uid: claim.metadata.uid,
          resourceVersion: claim.metadata.resourceVersion,
        },
      },
    });
  }

  async function setClaimPhase(claim: PersistentVolumeClaim, phase: string): Promise<void> {
    if (claim.status?.phase === phase) return;
    await claimClient
      .namespace(claim.metadata.namespace)
      .updateStatus({ ...claim, status: { ...claim.status, phase } });
  }

  async function provision(claim: PersistentVolumeClaim, storageClass: StorageClass): Promise<void> {
    const { provisioner } = storageClass;
    if (provisioner === 'kubernetes.io/no-provisioner') return;
    if (provisioner === hostPathProvisioner && options.enableHostPathProvisioner) {
      await provisionDirectory(claim, storageClass);
      return;
    }
    const annotations = {
      ...claim.metadata.annotations,
      [storageProvisioner]: provisioner,
      [betaStorageProvisioner]: provisioner,
    };
    if (!semanticEqual(claim.metadata.annotations, annotations)) {
      await claimClient
        .namespace(claim.metadata.namespace)
        .update({ ...claim, metadata: { ...claim.metadata, annotations } });
    }
    const message = `Waiting for a volume to be created either by the external provisioner '${provisioner}' or manually by the system administrator. If volume creation is delayed, please verify that the provisioner is running and correctly registered.`;
    recorder.event(claim, 'Normal', 'ExternalProvisioning', message);
  }

  async function provisionDirectory(claim: PersistentVolumeClaim, storageClass: StorageClass): Promise<void> {
    const name = volumeNameFor(claim);
    try {
      if (claim.spec.volumeMode === 'Block') throw new Error(`${hostPathProvisioner} does not support block volumes`);
      const node = claim.metadata.annotations?.[selectedNode];
      const madeOn = await directories.run({
        task: 'make',
        volumeName: name,
        claim: keyOf(claim),
        ...(node ? { node } : {}),
      });
      const madeAt = madeOn === undefined ? undefined : nodes.lister.get(undefined, madeOn);
      if (!madeAt) return;
      const volume = hostPathVolume(claim, storageClass, options.hostPathProvisionerDir, hostnameOf(madeAt));
      await volumeClient.create(volume);
      const message = `Successfully provisioned volume ${name} using ${hostPathProvisioner}`;
      recorder.event(claim, 'Normal', 'ProvisioningSucceeded', message);
    } catch (error) {
      if (isAlreadyExists(error)) return;
      const message = `failed to provision volume with StorageClass "${classOf(claim)}": ${messageOf(error)}`;
      recorder.event(claim, 'Warning', 'ProvisioningFailed', message);
      throw error;
    }
  }

  async function syncVolume(volume: PersistentVolume): Promise<void> {
    const reference = volume.spec.claimRef;
    // Reserved by a user for a claim that does not exist yet counts as free.
    if (!reference?.uid) {
      await setVolumePhase(volume, 'Available');
      return;
    }
    if (await claimExists(volume)) return;
    if (volume.status?.phase === 'Released' && volume.spec.persistentVolumeReclaimPolicy === 'Retain') return;
    if (volume.status?.phase !== 'Failed') await setVolumePhase(volume, 'Released');
    if (volume.spec.persistentVolumeReclaimPolicy !== 'Delete' || volume.metadata.deletionTimestamp) return;
    if (volume.metadata.annotations?.[provisionedBy] !== hostPathProvisioner) return;
    try {
      if (!(await isDirectoryGone(volume))) return;
      await volumeClient.delete(volume.metadata.name, { preconditions: { uid: volume.metadata.uid } });
    } catch (error) {
      if (isNotFound(error)) return;
      recorder.event(volume, 'Warning', 'VolumeFailedDelete', messageOf(error));
      await setVolumePhase(volume, 'Failed');
      throw error;
    }
  }

  /** Removes the volume's directory. One on a node that is gone is gone with it. */
  async function isDirectoryGone(volume: PersistentVolume): Promise<boolean> {
    checkOwnDirectory(volume, options.hostPathProvisionerDir);
    const hostname = hostnameOfVolume(volume);
    const node = nodes.lister.list().find((candidate) => hostnameOf(candidate) === hostname)?.metadata.name;
    if (!node) return true;
    const { namespace, name } = volume.spec.claimRef ?? {};
    const removedOn = await directories.run({
      task: 'remove',
      volumeName: volume.metadata.name,
      claim: `${namespace}/${name}`,
      node,
    });
    return removedOn !== undefined;
  }

  /** Helper pods go when what they did is written down, or nobody waits for it any more. */
  async function tidyHelpers(volumeName: string): Promise<void> {
    const volume = volumes.lister.get(undefined, volumeName);
    const isWanted = claims.lister.list().some((claim) => volumeNameFor(claim) === volumeName);
    if (volume || !isWanted) await directories.finish('make', volumeName);
    if (!volume) await directories.finish('remove', volumeName);
  }

  /** A volume is given up on a live look only: its data may be the only copy. */
  async function claimExists(volume: PersistentVolume): Promise<boolean> {
    const { namespace = '', name = '', uid } = volume.spec.claimRef ?? {};
    if (claims.lister.get(namespace, name)?.metadata.uid === uid) return true;
    try {
      return (await claimClient.namespace(namespace).get(name)).metadata?.uid === uid;
    } catch (error) {
      if (isNotFound(error)) return false;
      throw error;
    }
  }

  async function setVolumePhase(volume: PersistentVolume, phase: string): Promise<void> {
    if (volume.status?.phase === phase) return;
    try {
      await volumeClient.updateStatus({ ...volume, status: { ...volume.status, phase } });
    } catch (error) {
      if (!isNotFound(error)) throw error;
    }
  }

  const volumesOf = (claim: PersistentVolumeClaim): string[] =>
    volumes.lister
      .list()
      .filter(({ spec }) => spec.claimRef && refersTo(spec.claimRef, claim))
      .map(({ metadata }) => volumePrefix + metadata.name);
  const pendingClaims = (): string[] =>
    claims.lister
      .list()
      .filter(({ status }) => status?.phase !== 'Bound')
      .map((claim) => claimPrefix + keyOf(claim));

  return new Reconciler({
    name: 'persistentvolume-binder-controller',
    logger,
    // One at a time: two claims must never be promised the same volume.
    workers: 1,
    reconcile,
  })
    .watch(claims, (claim) => [claimPrefix + keyOf(claim), helperPrefix + volumeNameFor(claim), ...volumesOf(claim)])
    .watch(volumes, (volume) => {
      const { namespace, name } = volume.spec.claimRef ?? {};
      const own = name ? [`${claimPrefix}${namespace}/${name}`] : pendingClaims();
      return [volumePrefix + volume.metadata.name, helperPrefix + volume.metadata.name, ...own];
    })
    .watch(pods, ({ metadata }) => {
      const volume = metadata.labels?.[helperVolumeLabel];
      if (!volume || metadata.namespace !== 'kube-system') return [];
      const claim = metadata.annotations?.[helperClaimAnnotation];
      return [volumePrefix + volume, helperPrefix + volume, ...(claim ? [claimPrefix + claim] : [])];
    })
    .watch(classes, () => pendingClaims())
    .needs(nodes);
}

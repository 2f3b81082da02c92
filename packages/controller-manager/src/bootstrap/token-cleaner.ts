import type { V1Secret } from '@kubelab/api';
import { isConflict, isNotFound, splitObjectKey } from '@kubelab/apimachinery';
import { gvr } from '@kubelab/client';
import type { ControllerDescriptor } from '../framework/controller.js';
import type { Secret } from '../framework/kinds.js';
import { keyOf } from '../framework/live.js';
import { type Outcome, Reconciler } from '../framework/reconciler.js';
import { bootstrapTokenType, isExpired, parseTokenSecret } from './token.js';

/** Deletes bootstrap tokens when they expire. */
export const tokenCleanerController: ControllerDescriptor = {
  name: 'token-cleaner-controller',
  aliases: ['tokencleaner'],
  serviceAccount: 'token-cleaner',
  disabledByDefault: true,
  create({ client, informers, logger }) {
    const secrets = informers.informer<Secret>(gvr.secrets);

    async function reconcile(key: string): Promise<Outcome> {
      const { namespace, name } = splitObjectKey(key);
      const secret = secrets.lister.get(namespace, name);
      const token = secret && parseTokenSecret(secret);
      if (!token || token.expiresAtMs === undefined) return undefined;
      const nowMs = Date.now();
      if (!isExpired(token, nowMs)) return { requeueAfterMs: token.expiresAtMs - nowMs + 1 };
      logger.info('Bootstrap token expired', { secret: name });
      try {
        const { uid, resourceVersion } = secret.metadata;
        await client
          .resource<V1Secret>(gvr.secrets)
          .namespace(namespace)
          .delete(name, { preconditions: { uid, resourceVersion } });
      } catch (error) {
        // Gone, or just prolonged: its event brings us back.
        if (!isNotFound(error) && !isConflict(error)) throw error;
      }
      return undefined;
    }

    return new Reconciler({ name: 'token-cleaner-controller', logger, workers: 1, reconcile }).watch(
      secrets,
      (secret) =>
        secret.type === bootstrapTokenType && secret.metadata.namespace === 'kube-system' ? [keyOf(secret)] : [],
    );
  },
};

import type { OptionValues } from '@kubelab/component-base';
import { OidcAuthenticator, type TokenAuthenticator, WebhookTokenAuthenticator } from '../authentication/index.js';
import { WebhookAuthorizer } from '../authorization/index.js';
import { KubeconfigWebhook } from '../webhook-kubeconfig.js';

function versionOption(options: OptionValues, name: string): 'v1' | 'v1beta1' {
  const version = options.string(name);
  if (version !== 'v1' && version !== 'v1beta1') throw new Error(`--${name} must be v1 or v1beta1, not ${version}`);
  return version;
}

/** Authenticators of tokens that others issue: OpenID Connect, webhook. @throws Error for flags that do not fit */
export function foreignTokenAuthenticators(options: OptionValues): TokenAuthenticator[] {
  const out: TokenAuthenticator[] = [];
  const issuerUrl = options.optionalString('oidc-issuer-url');
  const clientId = options.optionalString('oidc-client-id');
  if (issuerUrl && clientId) {
    out.push(
      new OidcAuthenticator({
        issuerUrl,
        clientId,
        usernameClaim: options.string('oidc-username-claim'),
        usernamePrefix: options.optionalString('oidc-username-prefix'),
        groupsClaim: options.optionalString('oidc-groups-claim'),
        groupsPrefix: options.optionalString('oidc-groups-prefix'),
        requiredClaims: Object.fromEntries(options.strings('oidc-required-claim').map(keyValue)),
        signingAlgs: options.strings('oidc-signing-algs'),
        caFile: options.optionalString('oidc-ca-file'),
      }),
    );
  } else if (issuerUrl || clientId) {
    throw new Error('oidc-issuer-url and oidc-client-id must be specified together');
  }
  const webhook = options.optionalString('authentication-token-webhook-config-file');
  if (webhook) {
    const version = versionOption(options, 'authentication-token-webhook-version');
    const audiences = options.strings('api-audiences');
    const known = audiences.length > 0 ? audiences : options.strings('service-account-issuer');
    out.push(new WebhookTokenAuthenticator(new KubeconfigWebhook(webhook), known, version));
  }
  return out;
}

function keyValue(text: string): [string, string] {
  const at = text.indexOf('=');
  if (at < 1) throw new Error(`--oidc-required-claim ${text} is not of the form key=value`);
  return [text.slice(0, at), text.slice(at + 1)];
}

/** The authorizer of the mode Webhook; undefined without its configuration. */
export function webhookAuthorizer(options: OptionValues): WebhookAuthorizer | undefined {
  const path = options.optionalString('authorization-webhook-config-file');
  if (!path) return undefined;
  return new WebhookAuthorizer(new KubeconfigWebhook(path), {
    version: versionOption(options, 'authorization-webhook-version'),
    allowedTtlMs: options.durationMs('authorization-webhook-cache-authorized-ttl'),
    deniedTtlMs: options.durationMs('authorization-webhook-cache-unauthorized-ttl'),
  });
}

// A real OpenID provider on loopback, the certified `oidc-provider`, for one client of its own:
//
//     oidc_provider.mjs [GROUP...]        default: developers
//
// Fetches an access token by client_credentials and prints one JSON line:
//     {"issuer", "jwks_uri", "token"}: a JWT (RS256) for the audience `hansard` with a `groups` claim.
// Serves discovery and keys until standard input closes.

import { generateKeyPairSync } from "node:crypto";
import { once } from "node:events";
import { createServer } from "node:http";

// The provider announces its development settings with console.info; stdout is the caller's.
console.info = console.warn = () => {};
const { Provider } = await import("oidc-provider");

const groups = process.argv.length > 2 ? process.argv.slice(2) : ["developers"];
const RESOURCE = "urn:hansard";
const CLIENT = { client_id: "service", client_secret: "known-to-this-test-only" };

// The issuer's name holds the port, so the port comes first.
const server = createServer().listen(0, "127.0.0.1");
await once(server, "listening");
const issuer = `http://127.0.0.1:${server.address().port}`;

const { privateKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });
const provider = new Provider(issuer, {
  clients: [{ ...CLIENT, grant_types: ["client_credentials"], redirect_uris: [], response_types: [] }],
  jwks: { keys: [{ ...privateKey.export({ format: "jwk" }), kid: "test-1", alg: "RS256", use: "sig" }] },
  features: {
    devInteractions: { enabled: false },
    clientCredentials: { enabled: true },
    resourceIndicators: {
      enabled: true,
      getResourceServerInfo: () => ({
        scope: "",
        audience: "hansard",
        accessTokenFormat: "jwt",
        jwt: { sign: { alg: "RS256" } },
      }),
    },
  },
  extraTokenClaims: () => ({ groups }),
});
server.on("request", provider.callback());

const discovery = await (await fetch(`${issuer}/.well-known/openid-configuration`)).json();
const answer = await fetch(discovery.token_endpoint, {
  method: "POST",
  body: new URLSearchParams({ ...CLIENT, grant_type: "client_credentials", resource: RESOURCE }),
});
const { access_token: token, ...refusal } = await answer.json();
if (!token) throw new Error(`no token: ${JSON.stringify(refusal)}`);
console.log(JSON.stringify({ issuer, jwks_uri: discovery.jwks_uri, token }));

process.stdin.resume();
process.stdin.on("close", () => process.exit(0));

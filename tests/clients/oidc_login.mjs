// A real OpenID provider on loopback, the certified `oidc-provider`, at whose forms people log in:
//
//     oidc_login.mjs REDIRECT_URI '{"ada": ["engineering"], ...}'
//
// Whoever is named logs in with any password and has these groups in the ID token. Prints one JSON
// line, {"issuer", "client_id", "client_secret"}, and serves until standard input closes.

import { once } from "node:events";
import { createServer } from "node:http";

// The provider announces its development settings with console.info; stdout is the caller's.
console.info = console.warn = () => {};
const { Provider } = await import("oidc-provider");

const [redirect, people] = [process.argv[2], JSON.parse(process.argv[3])];
const client = { client_id: "hansard-web", client_secret: "known-to-this-test-only" };

const server = createServer().listen(0, "127.0.0.1");
await once(server, "listening");
const issuer = `http://127.0.0.1:${server.address().port}`;
const provider = new Provider(issuer, {
  clients: [{ ...client, redirect_uris: [redirect] }],
  claims: { openid: ["sub"], email: ["email"], groups: ["groups"] },
  scopes: ["openid", "email", "groups"],
  conformIdTokenClaims: false,
  cookies: { keys: ["of this test only"] },
  findAccount: (_, id) =>
    people[id] && {
      accountId: id,
      claims: () => ({ sub: id, email: `${id}@example.com`, groups: people[id] }),
    },
});
server.on("request", provider.callback());
console.log(JSON.stringify({ issuer, ...client }));

process.stdin.resume();
process.stdin.on("close", () => process.exit(0));

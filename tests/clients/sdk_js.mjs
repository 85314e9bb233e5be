// The official JavaScript SDK gets the same objects through the gateway as from the API directly:
// sdk_python.py says how, and which environment variables it takes. The two are kept alike.

import Anthropic from "@anthropic-ai/sdk";
import { VERSION } from "@anthropic-ai/sdk/version";

const env = process.env;
const MODEL = env.MODEL ?? "claude-sonnet-5-5";
const ASKED = {
  model: MODEL,
  max_tokens: 2048,
  system: "You are terse.",
  messages: [{ role: "user", content: "What is in this directory? é 日本 \u2028" }],
  tools: [{ name: "Bash", description: "Run it", input_schema: { type: "object" } }],
};
// Ids of the n-th request end in its number, and tool ids in two digits more.
const COUNTED = /\b(req|msg|(?:srv)?toolu)_01[0-9]{20,24}/g;
const SHOWN = 10;

const client = (baseURL, authToken, { maxRetries = 0, asked = [] } = {}) =>
  new Anthropic({
    baseURL,
    authToken,
    apiKey: null, // an ANTHROPIC_API_KEY of the environment is never sent along
    maxRetries,
    timeout: 60_000,
    logLevel: "off",
    fetch: (url, init) => {
      asked.push(url);
      return fetch(url, init);
    },
  });

// === the ways to ask ===

const headers = (script) => ({ headers: { "x-script": script } });

const ways = {
  async whole(api, script, seen) {
    const message = await api.messages.create(ASKED, headers(script));
    seen.push(message, message._request_id);
  },
  async events(api, script, seen) {
    const stream = await api.messages.create({ ...ASKED, stream: true }, headers(script));
    for await (const event of stream) seen.push(event);
  },
  async helper(api, script, seen) {
    const stream = api.messages.stream(ASKED, headers(script));
    for await (const event of stream) seen.push(event.type);
    seen.push(stream.request_id, await stream.finalMessage());
  },
  async models(api, _script, seen) {
    for await (const model of api.models.list()) seen.push(model);
  },
  async tokens(api, _script, seen) {
    const { max_tokens: _, ...counted } = ASKED;
    seen.push(await api.messages.countTokens(counted));
  },
};

// === what came of it ===

function raised(error) {
  const told = { class: error.constructor.name };
  if (error instanceof Anthropic.APIError && error.headers) {
    const kept = ["content-type", "retry-after", "x-should-retry"];
    told.status = error.status;
    told.body = error.error;
    told.request_id = error.requestID;
    told.headers = Object.fromEntries(kept.map((name) => [name, error.headers.get(name)]));
  }
  return told;
}

// What the caller saw, in order, up to the exception if there was one.
async function outcome(way, url, token, script) {
  const result = { seen: [] };
  try {
    await way(client(url, token), script, result.seen);
  } catch (error) {
    result.raised = raised(error);
  }
  return JSON.parse(JSON.stringify(result).replace(COUNTED, "$1_COUNTED"));
}

function* differences(left, right, path = "") {
  const both = (test) => test(left) && test(right);
  if (both(Array.isArray) && left.length === right.length) {
    for (const index of left.keys()) yield* differences(left[index], right[index], `${path}/${index}`);
  } else if (both((side) => side !== null && typeof side === "object" && !Array.isArray(side))) {
    for (const key of new Set([...Object.keys(left), ...Object.keys(right)]))
      yield* differences(left[key], right[key], `${path}/${key}`);
  } else if (JSON.stringify(left) !== JSON.stringify(right)) {
    const shown = (side) => (JSON.stringify(side) ?? "nothing").slice(0, 600);
    yield `  ${path}\n    directly: ${shown(left)}\n    gateway:  ${shown(right)}`;
  }
}

async function compare(name, way, script = "") {
  const direct = await outcome(way, env.DIRECT_URL, "direct", script);
  // Two sides that fail alike for the test's own fault would count as equal: a misspelt script, or
  // no server. (A script may cut the connection, the fixed questions never do.)
  if (/no script |script option /.test(JSON.stringify(direct)) || (!script && direct.raised))
    return [`${name}: asked directly it gives ${JSON.stringify(direct).slice(0, 600)}`];
  const gateway = await outcome(way, env.GATEWAY_URL, env.TOKEN, script);
  return [...differences(direct, gateway)].map((found) => `${name}:\n${found}`);
}

// === refusals: the gateway's own answers ===

// One refusal in a client that would retry: the class, the error's type, exactly one request.
async function refused(name, stream, [wanted, type], token, model) {
  const asked = [];
  const api = client(env.GATEWAY_URL, token, { maxRetries: 2, asked });
  let told = "no exception";
  try {
    const answer = await api.messages.create({ ...ASKED, model, stream });
    if (stream) for await (const _ of answer);
  } catch (error) {
    const kind = error.error?.error?.type;
    if (error.constructor === wanted && kind === type && asked.length === 1) return [];
    told = `${error.constructor.name} ${error.status} ${JSON.stringify(error.error)}`;
  }
  return [`${name}: wanted ${wanted.name} ${type} in one request, got ${told} in ${asked.length}`];
}

const scripts = (env.SCRIPTS ?? "conversation").split(",").filter(Boolean);
const found = [];
let compared = 0;
for (const script of scripts)
  for (const way of [ways.whole, ways.events, ways.helper]) {
    found.push(...(await compare(`${way.name} ${script}`, way, script)));
    compared += 1;
  }
for (const way of [ways.models, ways.tokens]) {
  found.push(...(await compare(way.name, way)));
  compared += 1;
}

const blocked = [Anthropic.BadRequestError, "policy_blocked"];
const expired = [Anthropic.AuthenticationError, "authentication_error"];
for (const stream of [false, true]) {
  if (env.REFUSED_MODEL) {
    found.push(...(await refused(`refused model, stream ${stream}`, stream, blocked, env.TOKEN, env.REFUSED_MODEL)));
    compared += 1;
  }
  if (env.EXPIRED_TOKEN) {
    found.push(...(await refused(`expired token, stream ${stream}`, stream, expired, env.EXPIRED_TOKEN, MODEL)));
    compared += 1;
  }
}

if (found.length > 0) {
  console.log(`${found.slice(0, SHOWN).join("\n")}\n${found.length} differences`);
  process.exit(1);
}
console.log(JSON.stringify({ client: "anthropic-js", version: VERSION, compared }));

// The official JavaScript SDK reads a stream in which values were redacted: redacted.py says how.

import Anthropic from "@anthropic-ai/sdk";

const env = process.env;
const api = new Anthropic({
  baseURL: env.GATEWAY_URL,
  authToken: env.TOKEN,
  apiKey: null,
  maxRetries: 0,
  timeout: 60_000,
});
const events = [];
const stream = api.messages.stream({
  model: env.MODEL,
  max_tokens: 2048,
  messages: [{ role: "user", content: "Show me the settings." }],
});
stream.on("streamEvent", (event) => events.push(event.type));
const message = await stream.finalMessage();
console.log(JSON.stringify({ message, events }));

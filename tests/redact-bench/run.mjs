// Runs the benchmark in V8, its WASI answered by Node.js 20 or later; the arguments are the
// module's path and what the module is asked for. Start it with `--no-liftoff`: Envoy's V8 has
// optimised what it runs, and Node.js would measure code on its way there.
import { readFile } from "node:fs/promises";
import process from "node:process";
import { WASI } from "node:wasi";

const [path, ...args] = process.argv.slice(2);
const wasi = new WASI({ version: "preview1", args: ["redact-bench", ...args], returnOnExit: true });
const module = await WebAssembly.compile(await readFile(path));
const instance = await WebAssembly.instantiate(module, wasi.getImportObject());
process.exitCode = wasi.start(instance);

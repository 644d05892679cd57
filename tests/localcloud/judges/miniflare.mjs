// Ask the Worker of same_worker.js every question on Miniflare, and print the answers by question.
import { readFileSync } from "node:fs";
import { Miniflare } from "miniflare";

const input = JSON.parse(readFileSync(0, "utf8"));
const worker = new Miniflare({
  modules: [{ type: "ESModule", path: "index.js", contents: input.source }],
  compatibilityDate: input.compatibilityDate,
  d1Databases: ["DB"],
  kvNamespaces: ["KV"],
  queueProducers: { QUEUE: "q" },
  queueConsumers: { q: { maxBatchTimeout: 0 } },
});
const asked = async (path) => await (await worker.dispatchFetch(`http://same/${path}`)).json();
const answers = {};
for (const name of await asked("names")) answers[name] = await asked(name);
const deadline = Date.now() + 20_000;
let heard = [];
while (heard.length < input.messages && Date.now() < deadline) {
  await new Promise((resolve) => setTimeout(resolve, 50));
  heard = await asked("heard");
}
process.stdout.write(JSON.stringify({ answers, heard }));
await worker.dispose();

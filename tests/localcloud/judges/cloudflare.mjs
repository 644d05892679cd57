/**
 * What Cloudflare's own TypeScript client makes of recorded answers.
 *
 * Standard input: a JSON list of {method, document}, `method` as `kv.namespaces.bulkGet`. Standard
 * output: the value that the method gives a program, as one line of JSON for each.
 */
import Cloudflare from "cloudflare";

const ID = "x";
const MAX_IDS = 2;
/** Parameters that hold every id that a path may need. */
const PARAMETERS = {
  account_id: ID,
  zone_id: ID,
  bucket_name: ID,
  namespace_id: ID,
  queue_id: ID,
  script_name: ID,
  worker_id: ID,
};

async function unwrapped({ method, document }) {
  const client = new Cloudflare({
    apiToken: "x".repeat(40),
    maxRetries: 0,
    fetch: async () => Response.json(document),
  });
  const names = method.split(".");
  const last = names.pop();
  const resource = names.reduce((found, name) => found[name], client);
  const failures = [];
  // Ids come before the parameters; how many differs from method to method.
  for (let ids = 0; ids <= MAX_IDS; ids += 1) {
    try {
      const found = await resource[last](...Array(ids).fill(ID), PARAMETERS);
      return typeof found?.getPaginatedItems === "function" ? found.getPaginatedItems() : found;
    } catch (error) {
      failures.push(error.message);
    }
  }
  throw new Error(`${method}: ${failures.join("; ")}`);
}

const chunks = [];
for await (const chunk of process.stdin) chunks.push(chunk);
for (const answer of JSON.parse(Buffer.concat(chunks).toString("utf8"))) {
  console.log(JSON.stringify(await unwrapped(answer)));
}

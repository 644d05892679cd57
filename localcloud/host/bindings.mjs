/** A binding whose type or target the local data plane doesn't offer. */
export class UnsupportedBinding extends Error {
  constructor(name, reason) {
    super(`Binding ${name}: ${reason}`);
    this.name = "UnsupportedBinding";
  }
}

/** An HTTP server of this machine that gets these headers with every request. */
const external = (name, address, headers = []) => ({
  name,
  external: { address, http: { injectRequestHeaders: headers } },
});

const hostAndPort = (url) => new URL(url).host;

/**
 * One converter per binding type of Cloudflare's API (`POST …/workers/workers/{id}/versions`).
 * Each answers {binding, services?, env?}: workerd's binding, the services that it needs, and the
 * environment variables that carry what must not be written into a config.
 */
const CONVERTERS = {
  plain_text: ({ name, text }) => ({ binding: { name, text } }),

  secret_text: ({ name, text }, { index }) => ({
    binding: { name, fromEnvironment: `SECRET_${index}` },
    env: { [`SECRET_${index}`]: text },
  }),

  json: ({ name, json }) => ({ binding: { name, json: JSON.stringify(json) } }),

  version_metadata: ({ name }, { metadata }) => ({
    binding: { name, json: JSON.stringify(metadata) },
  }),

  d1: ({ name, id, database_id: databaseId }, { store }) => {
    const service = `d1:${name}`;
    return {
      services: [external(service, store.address, store.headers("d1", id ?? databaseId))],
      binding: {
        name,
        wrapped: {
          moduleName: "cloudflare-internal:d1-api",
          innerBindings: [{ name: "fetcher", service }],
        },
      },
    };
  },

  kv_namespace: ({ name, namespace_id: id }, { store }) => {
    const service = `kv:${name}`;
    return {
      services: [external(service, store.address, store.headers("kv", id))],
      binding: { name, kvNamespace: service },
    };
  },

  queue: ({ name, queue_id: id }, { broker }) => {
    const service = `queue:${name}`;
    const headers = [
      { name: "X-Queue-Id", value: id },
      { name: "Authorization", value: `Bearer ${broker.token}` },
    ];
    return {
      services: [external(service, hostAndPort(broker.url), headers)],
      binding: { name, queue: service },
    };
  },

  assets: ({ name }, { assets }) => {
    if (assets.key === null) throw new UnsupportedBinding(name, "the version has no assets.");
    const service = `assets:${name}`;
    const headers = [{ name: "X-Asset-Site", value: assets.key }];
    return {
      services: [external(service, assets.address, headers)],
      binding: { name, service },
    };
  },

  analytics_engine: ({ name, dataset }, { analytics }) => {
    const service = `analytics:${name}`;
    return {
      services: [external(service, analytics.address, analytics.headers(dataset))],
      binding: {
        name,
        wrapped: {
          moduleName: "localcloud:data-set",
          innerBindings: [{ name: "sink", service }],
        },
      },
    };
  },

  ratelimit: ({ name, namespace_id: id, simple: { limit, period } }) => ({
    binding: {
      name,
      wrapped: {
        moduleName: "localcloud:rate-limit",
        innerBindings: [{ name: "settings", json: JSON.stringify({ id, limit, period }) }],
      },
    },
  }),

  service: ({ name, service }) => {
    if (service !== "local-clock") {
      throw new UnsupportedBinding(name, `no service ${service} exists here, only local-clock.`);
    }
    // In the process itself: a Worker may ask for the time at each request.
    return { binding: { name, service: { name: "door", entrypoint: "Clock" } } };
  },
};

/**
 * Cloudflare's bindings of a version as workerd's.
 *
 * @param {object[]} bindings as the API takes them; queue bindings also carry `queue_id`
 * @param {{metadata: object, store: import("./store.mjs").Store,
 *   broker: {url: string, token: string},
 *   analytics: import("./analytics-sink.mjs").AnalyticsSink,
 *   assets: {address: string, key: string | null}}} surroundings
 * @returns {{bindings: object[], services: object[], env: Record<string, string>}} `env` holds
 *   the secrets
 * @throws {UnsupportedBinding} an unknown type, or a member that it needs is missing
 */
export function convertBindings(bindings, surroundings) {
  const result = { bindings: [], services: [], env: {} };
  bindings.forEach((binding, index) => {
    const convert = CONVERTERS[binding.type];
    if (convert === undefined) {
      const known = Object.keys(CONVERTERS).join(", ");
      throw new UnsupportedBinding(
        binding.name,
        `the type ${binding.type} isn't offered here. Known: ${known}.`,
      );
    }
    requireMembers(binding);
    const { binding: converted, services = [], env = {} } = convert(binding, {
      ...surroundings,
      index,
    });
    result.bindings.push(converted);
    result.services.push(...services);
    Object.assign(result.env, env);
  });
  return result;
}

const SUBREQUESTS = "localcloud:subrequests";

/**
 * The same bindings with their calls counted: see subrequests.binding.mjs.
 *
 * @param {object[]} bindings from `convertBindings`
 * @param {{external: number, internal: number}} limits of one invocation
 * @returns {object[]}
 */
export function countSubrequests(bindings, limits) {
  const given = { name: "limits", json: JSON.stringify(limits) };
  const counted = (name, inner = []) => ({
    name,
    wrapped: { moduleName: SUBREQUESTS, innerBindings: [given, ...inner] },
  });
  const found = bindings.map(({ name, ...binding }) => {
    if (binding.wrapped?.moduleName === "cloudflare-internal:d1-api") {
      const [{ service }] = binding.wrapped.innerBindings;
      return counted(name, [{ name: "database", service }]);
    }
    const isCounted = ["kvNamespace", "queue", "service"].some((kind) => kind in binding);
    return isCounted ? counted(name, [{ name: "inner", ...binding }]) : { name, ...binding };
  });
  // A Worker without such a binding has `fetch`, which is replaced by the first of them.
  return [...found, counted("LOCAL_CLOUD_SUBREQUESTS")];
}

const MEMBERS = {
  plain_text: ["text"],
  secret_text: ["text"],
  d1: ["id"],
  kv_namespace: ["namespace_id"],
  queue: ["queue_id"],
  ratelimit: ["namespace_id", "simple"],
  analytics_engine: ["dataset"],
  service: ["service"],
};

function requireMembers(binding) {
  const given = { ...binding, id: binding.id ?? binding.database_id };
  const missing = (MEMBERS[binding.type] ?? []).filter((member) => given[member] === undefined);
  if (missing.length > 0) {
    throw new UnsupportedBinding(binding.name, `${missing.join(", ")} is missing.`);
  }
}

/**
 * One Cap'n Proto message that holds a list of runtime-internal modules.
 *
 * workerd reads its Python runtime from a message of `struct Bundle { modules @0 :List(Module) }`
 * (workerd, src/workerd/jsg/modules.capnp). The layout below follows the Cap'n Proto encoding
 * specification: one segment, every object in 8-byte words, the list as a composite list
 * (element size 7) whose tag word gives the count and the shape of its elements.
 */

const WORD = 8;
const COMPOSITE = 7;
const BYTE = 2;

/**
 * `Module` has one data word (its enum `type`, then the union's tag) and four pointers: name, the
 * union's value, tsDeclaration, compileCache.
 */
const MODULE_DATA_WORDS = 1;
const MODULE_POINTERS = 4;
const MODULE_WORDS = MODULE_DATA_WORDS + MODULE_POINTERS;
const NAME_POINTER = 0;
const BODY_POINTER = 1;
const TAG_OFFSET = 2;
/** Tags of the union in `Module`, by the order of its members' ordinals. */
const TAGS = { src: 0, wasm: 1, data: 2 };
/** `ModuleType.internal`: only the runtime's own modules may import it. */
const TYPE_INTERNAL = 2;

/** Words before the list's elements: root pointer, the bundle's pointer, the list's tag. */
const LIST_START = 3;

const words = (bytes) => Math.ceil(bytes / WORD);

/**
 * Encode modules as one unpacked message, its segment table included.
 *
 * @param {{name: string, kind: "src" | "wasm" | "data", body: Uint8Array}[]} modules
 * @returns {Buffer}
 * @throws {TypeError} a module's kind is none of the three
 */
export function encodeBundle(modules) {
  const named = modules.map((module) => {
    if (!(module.kind in TAGS)) {
      throw new TypeError(`Module ${module.name}: unknown kind ${module.kind}`);
    }
    return { ...module, text: Buffer.from(`${module.name}\0`, "utf8") };
  });
  const listWords = named.length * MODULE_WORDS;
  const size = named.reduce(
    (sum, { text, body }) => sum + words(text.length) + words(body.length),
    LIST_START + listWords,
  );
  const segment = Buffer.alloc(size * WORD);
  writeStructPointer(segment, { at: 0, target: 1, dataWords: 0, pointers: 1 });
  writeListPointer(segment, { at: 1, target: 2, elementSize: COMPOSITE, count: listWords });
  segment.writeUInt32LE(named.length << 2, 2 * WORD);
  segment.writeUInt16LE(MODULE_DATA_WORDS, 2 * WORD + 4);
  segment.writeUInt16LE(MODULE_POINTERS, 2 * WORD + 6);

  let free = LIST_START + listWords;
  const append = (pointer, bytes) => {
    writeListPointer(segment, { at: pointer, target: free, elementSize: BYTE, count: bytes.length });
    segment.set(bytes, free * WORD);
    free += words(bytes.length);
  };
  named.forEach(({ kind, text, body }, index) => {
    const start = LIST_START + index * MODULE_WORDS;
    segment.writeUInt16LE(TYPE_INTERNAL, start * WORD);
    segment.writeUInt16LE(TAGS[kind], start * WORD + TAG_OFFSET);
    append(start + MODULE_DATA_WORDS + NAME_POINTER, text);
    append(start + MODULE_DATA_WORDS + BODY_POINTER, body);
  });

  // The table: number of segments less one, then the size of each in words.
  const table = Buffer.alloc(WORD);
  table.writeUInt32LE(size, 4);
  return Buffer.concat([table, segment]);
}

function writeStructPointer(segment, { at, target, dataWords, pointers }) {
  segment.writeInt32LE((target - at - 1) << 2, at * WORD);
  segment.writeUInt16LE(dataWords, at * WORD + 4);
  segment.writeUInt16LE(pointers, at * WORD + 6);
}

function writeListPointer(segment, { at, target, elementSize, count }) {
  segment.writeInt32LE(((target - at - 1) << 2) | 1, at * WORD);
  segment.writeUInt32LE(count * 8 + elementSize, at * WORD + 4);
}

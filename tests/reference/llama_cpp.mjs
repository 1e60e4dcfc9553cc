// Times llama.cpp on a GGUF file, as `mistral bench` times us: the newest llama.cpp built for each processor
// (npm's node-llama-cpp), called below its queue, so that nothing but llama_decode is timed.
//
//     node tests/reference/llama_cpp.mjs --gguf FILE [--prompt 512] [--generate 32] [--depth 0] [--repetitions 3]
//         [--warmup 1] [--threads 2] [--flash true] [--serve true --sequences 8] [--modules DIR]
//
// Prints one JSON object. As in llama-bench: random ids, prompt and generation apart, each behind --depth tokens, a
// warm-up, 512 tokens a pass. The depth's own tokens are computed once, which is a measurement as well, the first one
// listed. With --serve, --sequences requests that come at the same time, each a prompt and then its tokens, in sequences
// of one context: a pass takes a token of each sequence that decodes, and prompt tokens, up to 512 together, as
// llama-server does it; the time to the first token is that of each request. --modules is where npm installs the library, 85 MB, when it is not there yet; by default a folder of the
// system's temporary directory.

import {spawnSync} from "node:child_process";
import {existsSync} from "node:fs";
import {createRequire} from "node:module";
import {tmpdir} from "node:os";
import {join} from "node:path";
import {pathToFileURL} from "node:url";
import {parseArgs} from "node:util";

const VERSION = "3.22.1";
const CHUNK = 512;

const {values: options} = parseArgs({
    options: {
        gguf: {type: "string"},
        prompt: {type: "string", default: "512"},
        generate: {type: "string", default: "32"},
        depth: {type: "string", default: "0"},
        repetitions: {type: "string", default: "3"},
        warmup: {type: "string", default: "1"},
        threads: {type: "string", default: "2"},
        flash: {type: "string", default: "true"},
        serve: {type: "string", default: "false"},
        sequences: {type: "string", default: "1"},
        modules: {type: "string", default: join(tmpdir(), `node-llama-cpp-${VERSION}`)},
    },
});
if (!options.gguf) {
    console.error("llama_cpp.mjs: give the model with --gguf FILE");
    process.exit(2);
}

function whole(name, least) {
    const value = Number(options[name]);
    if (!Number.isInteger(value) || value < least) {
        console.error(`llama_cpp.mjs: --${name} is '${options[name]}', must be a whole number, at least ${least}`);
        process.exit(2);
    }
    return value;
}

const prompt = whole("prompt", 0);
const generate = whole("generate", 0);
const depth = whole("depth", 0);
const repetitions = whole("repetitions", 1);
const warmup = whole("warmup", 0);
const threads = whole("threads", 1);
const sequences = whole("sequences", 1);
const serving = options.serve === "true";

/** Only the library's part for this system and processor: all of them are 600 MB. */
function install() {
    const system = {linux: "linux", darwin: "mac", win32: "win"}[process.platform];
    const part = `${system}-${process.arch}${system === "mac" && process.arch === "arm64" ? "-metal" : ""}`;
    const packages = [`node-llama-cpp@${VERSION}`, `@node-llama-cpp/${part}@${VERSION}`];
    const fixed = ["--omit=optional", "--ignore-scripts", "--no-audit", "--no-fund", "--no-package-lock"];
    const run = spawnSync("npm", ["install", "--prefix", options.modules, ...fixed, ...packages], {
        stdio: ["ignore", process.stderr, process.stderr],
    });
    if (run.status !== 0) {
        console.error("llama_cpp.mjs: npm could not install node-llama-cpp, see above");
        process.exit(1);
    }
}

if (!existsSync(join(options.modules, "node_modules", "node-llama-cpp"))) {
    install();
}
const entry = createRequire(join(options.modules, "package.json")).resolve("node-llama-cpp");
const {getLlama, LlamaLogLevel} = await import(pathToFileURL(entry));

const llama = await getLlama({gpu: false, build: "never", maxThreads: threads, logLevel: LlamaLogLevel.warn});
const started = performance.now();
const model = await llama.loadModel({modelPath: options.gguf});
const context = await model.createContext({
    contextSize: serving ? prompt + generate : depth + Math.max(prompt, generate, 1), // of a sequence
    batchSize: CHUNK,
    sequences,
    threads,
    flashAttention: options.flash === "true",
});
const loaded = (performance.now() - started) / 1000;
// the binding's own context: its public side queues, samples and may shift what is cached
const binding = context._ctx;
binding.setThreads(threads);

function randomIds(count) {
    return Uint32Array.from({length: count}, () => 3 + Math.floor(Math.random() * 28000));
}

/** Computes tokens at some positions, `chunk` at a time; of each pass the last one's logits. */
async function decode(position, count, chunk) {
    for (let done = 0; done < count; done += chunk) {
        const width = Math.min(chunk, count - done);
        binding.initBatch(width);
        binding.addToBatch(0, position + done, randomIds(width), Uint32Array.of(width - 1));
        await binding.decodeBatch();
    }
}

/** Times tokens, `chunk` 1 for generation. What lies behind `from` is forgotten between runs. */
async function measure(kind, from, count, chunk, warmup, repetitions) {
    const seconds = [];
    for (let run = -warmup; run < repetitions; run++) {
        binding.removeTokenCellsFromSequence(0, from, -1);
        const start = performance.now();
        await decode(from, count, chunk);
        if (run >= 0) {
            seconds.push((performance.now() - start) / 1000);
        }
    }
    const mean = seconds.reduce((sum, s) => sum + count / s, 0) / repetitions;
    const test = kind + count + (from === 0 ? "" : ` @ d${from}`);
    return {test, tokens: count, depth: from, tokens_per_second: mean, seconds};
}

/** Runs all requests from their prompts to their last tokens; seconds to the first tokens, and to the end. */
async function serve() {
    const requests = Array.from({length: sequences}, (_, id) => ({id, length: 0}));
    requests.forEach(({id}) => binding.removeTokenCellsFromSequence(id, 0, -1));
    const first = [];
    const start = performance.now();
    while (requests.some(({length}) => length < prompt + generate - 1)) {
        const decoding = requests.filter(({length}) => length >= prompt && length < prompt + generate - 1);
        let room = CHUNK - decoding.length;
        const parts = decoding.map((request) => ({request, width: 1}));
        for (const request of requests.filter(({length}) => length < prompt)) {
            const width = Math.min(room, prompt - request.length);
            if (width > 0) {
                parts.push({request, width});
                room -= width;
            }
        }
        binding.initBatch(parts.reduce((sum, {width}) => sum + width, 0));
        for (const {request, width} of parts) {
            const rows = request.length + width < prompt ? new Uint32Array(0) : Uint32Array.of(width - 1);
            binding.addToBatch(request.id, request.length, randomIds(width), rows);
        }
        await binding.decodeBatch();
        const now = (performance.now() - start) / 1000;
        for (const {request, width} of parts) {
            if (request.length < prompt && request.length + width === prompt) {
                first.push(now);
            }
            request.length += width;
        }
    }
    return {first, seconds: (performance.now() - start) / 1000};
}

async function measureServing() {
    const runs = [];
    for (let run = -warmup; run < repetitions; run++) {
        const times = await serve();
        if (run >= 0) {
            runs.push(times);
        }
    }
    const seconds = runs.map((run) => run.seconds);
    const tokens = sequences * generate;
    return {
        test: `${sequences} x (pp${prompt} + tg${generate})`,
        tokens,
        tokens_per_second: seconds.reduce((sum, s) => sum + tokens / s, 0) / repetitions,
        seconds,
        first_token_seconds: runs.map((run) => run.first),
    };
}

const tests = [];
if (serving && (prompt < 1 || generate < 1 || depth > 0)) {
    console.error("llama_cpp.mjs: --serve needs --prompt and --generate, and no --depth");
    process.exit(2);
}
if (serving) {
    tests.push(await measureServing());
} else if (depth > 0) {
    tests.push(await measure("pp", 0, depth, CHUNK, 0, 1));
}
if (!serving && prompt > 0) {
    tests.push(await measure("pp", depth, prompt, CHUNK, warmup, repetitions));
}
if (!serving && generate > 0) {
    tests.push(await measure("tg", depth, generate, 1, warmup, repetitions));
}
const result = {
    name: `llama.cpp (node-llama-cpp ${VERSION}, llama.cpp ${llama.llamaCppRelease.release})`,
    system: llama.systemInfo,
    threads: binding.getThreads(),
    flash_attention: options.flash === "true",
    load_seconds: loaded,
    tests,
};
console.log(JSON.stringify(result));
process.exit(0);

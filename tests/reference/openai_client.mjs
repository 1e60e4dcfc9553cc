// Asks a server of OpenAI's API with OpenAI's own JavaScript library, and checks what the library makes of the answers.
//
//     MISTRAL_API_KEYS=key mistral serve --max-requests 4
//     node tests/reference/openai_client.mjs [--url http://127.0.0.1:8080/v1] [--key key] [--modules DIR] [CHECK...]
//
// Prints a line for each check; the exit status is 1 if one failed. The server must be idle otherwise. --modules is where
// npm installs the library when it is not there yet; by default a folder of the system's temporary directory.

import assert from "node:assert/strict";
import {spawnSync} from "node:child_process";
import {existsSync} from "node:fs";
import {createRequire} from "node:module";
import {tmpdir} from "node:os";
import {join} from "node:path";
import {pathToFileURL} from "node:url";
import {parseArgs} from "node:util";

const VERSION = "6.49.0";

const {values: options, positionals} = parseArgs({
    allowPositionals: true,
    options: {
        url: {type: "string", default: "http://127.0.0.1:8080/v1"},
        key: {type: "string", default: "key"},
        modules: {type: "string", default: join(tmpdir(), `openai-${VERSION}`)},
    },
});

if (!existsSync(join(options.modules, "node_modules", "openai"))) {
    const fixed = ["--ignore-scripts", "--no-audit", "--no-fund", "--no-package-lock"];
    const run = spawnSync("npm", ["install", "--prefix", options.modules, ...fixed, `openai@${VERSION}`], {
        stdio: ["ignore", process.stderr, process.stderr],
    });
    if (run.status !== 0) {
        console.error("openai_client.mjs: npm could not install openai, see above");
        process.exit(1);
    }
}
const entry = createRequire(join(options.modules, "package.json")).resolve("openai");
const {default: OpenAI} = await import(pathToFileURL(entry.replace(/\.js$/, ".mjs")));

const client = new OpenAI({baseURL: options.url, apiKey: options.key, maxRetries: 0, timeout: 120_000});
const patient = client.withOptions({maxRetries: 5});
const model = (await client.models.list()).data[0].id;

const QUESTION = "What is a lighthouse?";
const messages = [{role: "user", content: QUESTION}];
const SAMPLED = {temperature: 1.5, seed: 7, max_tokens: 30};
const LONG = {max_tokens: 2000, min_new_tokens: 2000, temperature: 1, stream: true};
const CITY = {
    type: "object",
    properties: {city: {type: "string", maxLength: 12}},
    required: ["city"],
    additionalProperties: false,
};
const WEATHER = {type: "function", function: {name: "weather", parameters: CITY, strict: true}};

const chat = (fields = {}) => client.chat.completions.create({model, messages, ...fields});
const text = (answer) => answer.choices[0].message.content;

async function collect(stream) {
    const items = [];
    for await (const item of await stream) {
        items.push(item);
    }
    return items;
}

const joined = (chunks, index = 0) =>
    chunks.flatMap((c) => c.choices).filter((c) => c.index === index).map((c) => c.delta.content ?? "").join("");

/** Checks that a call is refused with an error of this class. */
async function rejects(kind, call, fields = {}) {
    try {
        await call();
    } catch (error) {
        assert.equal(error.constructor.name, kind.name, error);
        for (const [name, value] of Object.entries(fields)) {
            assert.equal(error[name], value, `${name}: ${error}`);
        }
        assert.ok(error.error?.message, error);
        return `${kind.name}: ${error.message}`;
    }
    assert.fail(`${kind.name} expected`);
}

/** Each is a check; what it returns is printed. */
const checks = {
    async models() {
        const {id, object} = await client.models.retrieve(model);
        assert.deepEqual([id, object], [model, "model"]);
        return id;
    },
    async chat_whole() {
        const answer = await chat();
        assert.equal(answer.choices[0].finish_reason, "stop");
        assert.equal(answer.usage.total_tokens, answer.usage.prompt_tokens + answer.usage.completion_tokens);
        assert.ok(text(answer));
        return text(answer);
    },
    async chat_stream() {
        const chunks = await collect(chat({...SAMPLED, stream: true}));
        assert.equal(joined(chunks), text(await chat(SAMPLED)));
        return `${chunks.length} chunks: ${joined(chunks)}`;
    },
    async chat_stream_helper() {
        const stream = client.chat.completions.stream({model, messages, ...SAMPLED});
        assert.equal(await stream.finalContent(), text(await chat(SAMPLED)));
    },
    async chat_include_usage() {
        const chunks = await collect(chat({stream: true, stream_options: {include_usage: true}}));
        const last = chunks.pop();
        assert.ok(chunks.every((chunk) => chunk.usage === null));
        assert.equal(last.choices.length, 0);
        assert.deepEqual(last.usage, (await chat()).usage);
        return last.usage.total_tokens;
    },
    async chat_n() {
        const answer = await chat({n: 3, ...SAMPLED});
        const chunks = await collect(chat({n: 3, stream: true, ...SAMPLED}));
        assert.deepEqual(answer.choices.map((c) => c.index), [0, 1, 2]);
        assert.deepEqual([0, 1, 2].map((i) => joined(chunks, i)), answer.choices.map((c) => c.message.content));
    },
    async chat_stop() {
        const whole = text(await chat());
        const word = whole.split(" ")[1];
        const [choice] = (await chat({stop: [word]})).choices;
        assert.equal(choice.message.content, whole.slice(0, whole.indexOf(word)));
        assert.equal(choice.finish_reason, "stop");
        return JSON.stringify(choice.message.content);
    },
    async chat_logprobs() {
        const [choice] = (await chat({logprobs: true, top_logprobs: 2})).choices;
        const tokens = choice.logprobs.content;
        assert.equal(Buffer.from(tokens.flatMap((t) => t.bytes)).toString(), choice.message.content);
        assert.ok(tokens.every((t) => t.top_logprobs.length === 2 && t.logprob === t.top_logprobs[0].logprob));
        return `${tokens.length} tokens`;
    },
    async chat_logit_bias() {
        const first = text(await chat({max_tokens: 1}));
        const root = options.url.replace(/\/v1$/, "");
        const {tokens} = await client.post(`${root}/tokenize`, {body: {content: first, add_special: false}});
        const other = text(await chat({max_tokens: 1, logit_bias: {[tokens[0]]: -100}}));
        assert.notEqual(other, first);
        return `${first}, without it ${other}`;
    },
    async chat_json_schema() {
        const format = {type: "json_schema", json_schema: {name: "place", strict: true, schema: CITY}};
        const parsed = await client.chat.completions.parse({model, messages, response_format: format, max_tokens: 200});
        const {city, ...others} = parsed.choices[0].message.parsed;
        assert.ok(typeof city === "string" && [...city].length <= 12);
        assert.deepEqual(others, {});
        return JSON.stringify(city);
    },
    async tools() {
        const fields = {tools: [WEATHER], tool_choice: {type: "function", function: {name: "weather"}}, max_tokens: 200};
        let answer;
        try {
            answer = await chat(fields);
        } catch (error) {
            const wanted = {type: "invalid_request_error", param: "tools"};
            return `refused: ${await rejects(OpenAI.BadRequestError, () => chat(fields), wanted)}`;
        }
        const [call] = answer.choices[0].message.tool_calls;
        assert.deepEqual([call.type, call.function.name, call.id.length], ["function", "weather", 9]);
        assert.equal(answer.choices[0].finish_reason, "tool_calls");
        assert.deepEqual(Object.keys(JSON.parse(call.function.arguments)), ["city"]);
        const stream = client.chat.completions.stream({model, messages, ...fields});
        const [streamed] = (await stream.finalMessage()).tool_calls;
        assert.equal(streamed.function.arguments, call.function.arguments);
        const history = [...messages, answer.choices[0].message, {role: "tool", tool_call_id: call.id, content: "sunny"}];
        await chat({messages: history, tools: [WEATHER], max_tokens: 5});
        return call.function.arguments;
    },
    async embeddings() {
        let answer;
        try {
            answer = await client.embeddings.create({model, input: ["A fox.", "A hen."]}); // decoded from base64
        } catch (error) {
            assert.equal(error.constructor.name, "BadRequestError", error);
            return `refused: ${error.message}`;
        }
        const floats = await client.embeddings.create({model, input: "A fox.", encoding_format: "float"});
        const [a, b] = [answer.data[0].embedding, floats.data[0].embedding];
        assert.ok(answer.data.length === 2 && a.length === b.length);
        assert.ok(a.every((x, i) => Math.abs(x - b[i]) < 1e-6));
        return `${a.length} numbers`;
    },
    async completions() {
        const fields = {model, prompt: "A lighthouse is", ...SAMPLED};
        const whole = (await client.completions.create(fields)).choices[0].text;
        const chunks = await collect(client.completions.create({...fields, stream: true}));
        assert.equal(chunks.map((c) => c.choices[0].text).join(""), whole);
        return JSON.stringify(whole);
    },
    async responses() {
        const fields = {model, input: QUESTION, max_output_tokens: 40};
        const whole = await client.responses.create(fields);
        assert.equal(whole.status, "completed");
        assert.equal(whole.output_text, text(await chat()));
        const events = await collect(client.responses.create({...fields, stream: true}));
        const deltas = events.filter((e) => e.type === "response.output_text.delta").map((e) => e.delta).join("");
        assert.equal(deltas, whole.output_text);
        const final = await client.responses.stream(fields).finalResponse();
        assert.equal(final.output_text, whole.output_text);
        return `${events.length} events`;
    },
    async error_400() {
        return rejects(OpenAI.BadRequestError, () => chat({temperature: 3}), {param: "temperature", status: 400});
    },
    async error_401() {
        const other = client.withOptions({apiKey: "wrong"});
        return rejects(OpenAI.AuthenticationError, () => other.models.list(), {code: "invalid_api_key"});
    },
    async error_404() {
        return rejects(OpenAI.NotFoundError, () => chat({model: "gpt-4o"}), {code: "model_not_found", param: "model"});
    },
    async error_429() {
        const streams = [];
        const fill = async () => {
            for (let i = 0; i < 200; i++) {
                const stream = await chat(LONG);
                streams.push(stream);
            }
        };
        try {
            return await rejects(OpenAI.RateLimitError, fill, {code: "rate_limit_exceeded"});
        } finally {
            streams.forEach((stream) => stream.controller.abort());
            // the library tries again by itself until the work of the streams has ended
            await patient.chat.completions.create({model, messages});
        }
    },
    async abort() {
        let count = 0;
        for await (const chunk of await chat(LONG)) {
            assert.equal(chunk.object, "chat.completion.chunk");
            if (++count === 5) {
                break; // which aborts the request
            }
        }
        return (await patient.chat.completions.create({model, messages})).choices[0].finish_reason;
    },
};

let failed = 0;
const names = positionals.length ? positionals : Object.keys(checks);
for (const name of names) {
    try {
        console.log("ok  ", name, (await checks[name]()) ?? "");
    } catch (error) {
        failed++;
        console.log("FAIL", name, error);
    }
}
const count = names.length;
console.log(`openai ${VERSION} (JavaScript): ${count - failed} of ${count} checks passed`);
process.exit(failed ? 1 : 0);

/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.tests.hostile;

import io.github.djlmistral.engine.generation.GenerationConfig;
import io.github.djlmistral.engine.model.MistralCheckpoint;
import io.github.djlmistral.engine.model.MistralConfig;
import io.github.djlmistral.engine.weights.Checkpoint;
import io.github.djlmistral.engine.weights.GgmlType;
import io.github.djlmistral.engine.weights.Safetensors;
import io.github.djlmistral.tests.hostile.FuzzTarget.Form;
import io.github.djlmistral.tests.hostile.FuzzTarget.Reader;
import io.github.djlmistral.tests.model.GgufModel;
import io.github.djlmistral.tests.tokenizer.ReferenceTokenizers;
import io.github.djlmistral.tests.weights.GgufWriter;
import io.github.djlmistral.zoo.chat.ChatTemplate;
import io.github.djlmistral.zoo.chat.Message;
import io.github.djlmistral.zoo.tokenizer.MistralTokenizer;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.stream.LongStream;
import java.util.stream.Stream;

/** The files of a checkpoint. */
final class FuzzTargets {

    private static final String TOKENIZER = "tokenizer/small/canonical";
    private static final String TEXT = " Hello <s>[INST] w\u00f6rld \ud83e\udd99\n</s>";

    private final Path directory;
    private final List<FuzzTarget> targets = new ArrayList<>();

    private FuzzTargets(Path directory) {
        this.directory = directory;
    }

    /** All of them; their files are written below a directory. */
    static List<FuzzTarget> of(Path directory) throws IOException {
        FuzzTargets all = new FuzzTargets(directory);
        all.weights();
        all.configurations();
        all.quantized();
        all.gguf();
        all.tokenizers();
        return all.targets;
    }

    /** Copies a checkpoint; one of its files is mutated each time, and then all are read. */
    private void add(String checkpoint, String file, Form form, int weight, Directory reader)
            throws IOException {
        String name = checkpoint.replace('/', '-') + "-" + file;
        Path copy = Files.createDirectory(directory.resolve(name));
        try (Stream<Path> files = Files.list(ReferenceTokenizers.path(checkpoint))) {
            for (Path each : files.filter(Files::isRegularFile).toList()) {
                if (!each.toString().contains("expected")) {
                    Files.copy(each, copy.resolve(each.getFileName().toString()));
                }
            }
        }
        Path mutated = copy.resolve(file);
        byte[] example = Files.readAllBytes(mutated);
        targets.add(
                new FuzzTarget(
                        name,
                        form,
                        List.of(example),
                        weight,
                        content -> {
                            replace(mutated, content);
                            reader.read(copy);
                        }));
    }

    /** Reads a checkpoint. */
    private interface Directory {
        void read(Path directory) throws Exception;
    }

    /** A new file each time: the old one may still be mapped. */
    private static void replace(Path file, byte[] content) throws IOException {
        Files.deleteIfExists(file);
        Files.write(file, content);
    }

    private void weights() throws IOException {
        add(
                "checkpoints/f16",
                "model.safetensors",
                Form.SAFETENSORS,
                8,
                path -> {
                    Safetensors.metadata(path.resolve("model.safetensors"));
                    MistralCheckpoint.open(path).weights().bytes();
                });
        add(
                "checkpoints/consolidated",
                "consolidated.safetensors",
                Form.SAFETENSORS,
                6,
                MistralCheckpoint::open);
        add(
                "checkpoints/nowindow-tied-sharded",
                "model.safetensors.index.json",
                Form.JSON,
                8,
                Checkpoint::open);
    }

    private void configurations() throws IOException {
        add("checkpoints/defaults", "config.json", Form.JSON, 10, MistralConfig::read);
        add("checkpoints/consolidated", "params.json", Form.JSON, 6, MistralCheckpoint::open);
        add(
                "checkpoints/window8-f32",
                "generation_config.json",
                Form.JSON,
                8,
                path -> GenerationConfig.read(path, MistralConfig.defaults()).build());
    }

    private void quantized() throws IOException {
        for (String method : List.of("awq", "bitsandbytes", "gptq", "int4")) {
            String checkpoint = "quantized/" + method;
            add(checkpoint, "config.json", Form.JSON, 3, MistralCheckpoint::open);
            add(checkpoint, "model.safetensors", Form.SAFETENSORS, 5, MistralCheckpoint::open);
        }
    }

    private void gguf() throws IOException {
        Path file = directory.resolve("model.gguf");
        Path tokenizer = ReferenceTokenizers.path("tokenizer/small/tokenizer.model");
        byte[] plain =
                GgufModel.tokenizer(
                                GgufModel.plain(
                                        ReferenceTokenizers.path("checkpoints/window8-f32")),
                                tokenizer)
                        .bytes();
        byte[] quantized = GgufModel.tokenizer(quantizedGguf(), tokenizer).bytes();
        Reader reader =
                content -> {
                    replace(file, content);
                    MistralCheckpoint.open(file).weights().bytes();
                    ChatTemplate.open(file);
                    MistralTokenizer.open(file).close();
                };
        targets.add(new FuzzTarget("gguf", Form.BYTES, List.of(plain, quantized), 12, reader));
    }

    /** One layer of hidden size 32, in several block types. */
    private static GgufWriter quantizedGguf() {
        String json =
                "{\"hidden_size\":32,\"intermediate_size\":64,\"num_hidden_layers\":1,"
                        + "\"num_attention_heads\":2,\"num_key_value_heads\":1,\"vocab_size\":500}";
        GgufWriter writer = GgufModel.config(MistralConfig.parse(json));
        add(writer, "token_embd.weight", GgmlType.Q8_0, 500, 32);
        add(writer, "output.weight", GgmlType.Q4_1, 500, 32);
        add(writer, "output_norm.weight", GgmlType.F32, 32);
        add(writer, "blk.0.attn_q.weight", GgmlType.Q4_0, 32, 32);
        add(writer, "blk.0.attn_k.weight", GgmlType.Q5_0, 16, 32);
        add(writer, "blk.0.attn_v.weight", GgmlType.Q5_1, 16, 32);
        add(writer, "blk.0.attn_output.weight", GgmlType.Q4_0, 32, 32);
        add(writer, "blk.0.ffn_gate.weight", GgmlType.Q4_1, 64, 32);
        add(writer, "blk.0.ffn_up.weight", GgmlType.BF16, 64, 32);
        add(writer, "blk.0.ffn_down.weight", GgmlType.Q8_0, 32, 64);
        add(writer, "blk.0.attn_norm.weight", GgmlType.F32, 32);
        add(writer, "blk.0.ffn_norm.weight", GgmlType.F32, 32);
        return writer;
    }

    private static void add(GgufWriter to, String name, GgmlType type, long... shape) {
        long elements = LongStream.of(shape).reduce(1, (a, b) -> a * b);
        int bytes = (int) (elements / type.blockSize() * type.blockBytes());
        to.tensor(name, type.code(), ByteBuffer.allocate(bytes), shape);
    }

    private void tokenizers() throws IOException {
        Directory tokenizer =
                path -> {
                    try (MistralTokenizer open = MistralTokenizer.open(path)) {
                        open.encode(TEXT, true);
                        open.decode(open.encodeQuoted(open.quote(TEXT) + "</s>"), false);
                    }
                };
        add(TOKENIZER, "tokenizer.json", Form.JSON, 8, tokenizer);
        add(
                TOKENIZER,
                "tokenizer_config.json",
                Form.JSON,
                6,
                path -> {
                    ChatTemplate.open(path);
                    tokenizer.read(path);
                });
        Path directoryOfModel = Files.createDirectory(directory.resolve("tokenizer.model"));
        Path model = directoryOfModel.resolve("tokenizer.model");
        targets.add(
                new FuzzTarget(
                        "tokenizer.model",
                        Form.BYTES,
                        List.of(
                                Files.readAllBytes(
                                        ReferenceTokenizers.path(
                                                "tokenizer/small/tokenizer.model"))),
                        8,
                        content -> {
                            replace(model, content);
                            tokenizer.read(directoryOfModel);
                        }));
        targets.add(
                new FuzzTarget(
                        "chat template",
                        Form.TEXT,
                        templates(),
                        10,
                        content ->
                                new ChatTemplate(
                                                new String(content, StandardCharsets.UTF_8),
                                                Map.of("bos_token", "<s>", "eos_token", "</s>"))
                                        .render(
                                                List.of(
                                                        Message.user("u"),
                                                        Message.assistant("a"),
                                                        Message.user("u")),
                                                true)));
    }

    private static List<byte[]> templates() {
        return Stream.of(
                        "{{ bos_token }}{% for message in messages %}{% if (message['role'] == 'user')"
                                + " != (loop.index0 % 2 == 0) %}{{ raise_exception('roles') }}{% endif"
                                + " %}{% if message['role'] == 'user' %}{{ '[INST] ' +"
                                + " message['content'] + ' [/INST]' }}{% else %}{{"
                                + " message['content'] + eos_token }}{% endif %}{% endfor %}",
                        "{%- set ns = namespace(n=0) -%}{%- for m in messages[1:] -%}{%- set ns.n ="
                                + " ns.n + 1 -%}<|{{ m.role }}|>{{ m.content | trim }}{{ loop.last"
                                + " }}{%- endfor -%}{%- if add_generation_prompt and ns.n is odd"
                                + " -%}<|assistant|>{%- endif -%}{{ messages | length }}{{ messages"
                                + " | tojson }}")
                .map(text -> text.getBytes(StandardCharsets.UTF_8))
                .toList();
    }
}

/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.tests.model;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.github.djlmistral.engine.generation.Generation;
import io.github.djlmistral.engine.generation.GenerationConfig;
import io.github.djlmistral.engine.generation.Generator;
import io.github.djlmistral.engine.internal.kernels.ReferenceKernels;
import io.github.djlmistral.engine.kernels.ComputeOptions;
import io.github.djlmistral.engine.kernels.KernelChoice;
import io.github.djlmistral.engine.kernels.Kernels;
import io.github.djlmistral.engine.model.MistralCheckpoint;
import io.github.djlmistral.engine.model.MistralForCausalLM;
import io.github.djlmistral.engine.quantization.Quantization;
import io.github.djlmistral.engine.weights.CheckpointException;
import io.github.djlmistral.examples.MistralCli;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.UncheckedIOException;
import java.io.Writer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.FileTime;
import java.util.List;
import java.util.stream.Stream;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Files that change while weights are mapped. Reading a mapped page beyond the end of a truncated
 * file kills the process.
 */
class ChangedFileTest extends Fixture {

    private static final FileTime DOWNLOADED = FileTime.fromMillis(1_700_000_000_000L);

    @TempDir Path directory;
    private Path file;

    @BeforeEach
    void copy() throws IOException {
        file = copy("window8-f32");
    }

    /** Copies a checkpoint and returns its last shard. */
    private Path copy(String checkpoint) throws IOException {
        Path last = directory;
        try (Stream<Path> files = Files.list(Reference.directory("checkpoints/" + checkpoint))) {
            for (Path source : files.sorted().toList()) {
                Path copy = directory.resolve(source.getFileName());
                Files.copy(source, copy, StandardCopyOption.REPLACE_EXISTING);
                Files.setLastModifiedTime(copy, DOWNLOADED);
                last = copy.toString().matches(".*model.*\\.safetensors") ? copy : last;
            }
        }
        return last;
    }

    private MistralForCausalLM load(Path path) throws Exception {
        return MistralForCausalLM.load(path, manager, new ComputeOptions("torch", "float32"));
    }

    private Generation start(MistralForCausalLM network) {
        return new Generator(network, manager, null)
                .start(
                        List.of(prompt(network, 1, 5)),
                        GenerationConfig.builder().maxNewTokens(6).build());
    }

    private List<Long> generate(MistralForCausalLM network) {
        try (Generation generation = start(network)) {
            return Stream.generate(generation::next)
                    .takeWhile(tokens -> !tokens.isEmpty())
                    .map(tokens -> tokens.get(0).id())
                    .toList();
        }
    }

    private void truncate(long size) throws IOException {
        try (FileChannel channel = FileChannel.open(file, StandardOpenOption.WRITE)) {
            channel.truncate(size);
        }
    }

    /** Overwrites the file in place. */
    private void rewrite() throws IOException {
        byte[] bytes = new byte[(int) Files.size(file)];
        Files.write(file, bytes, StandardOpenOption.WRITE);
    }

    private void assertRefused(ThrowingCallable action, String change) {
        assertThatThrownBy(action)
                .hasRootCauseInstanceOf(CheckpointException.class)
                .rootCause()
                .hasMessageContainingAll(file.toString(), change, "Load the model again");
    }

    @Test
    void aTruncatedFile() throws Exception {
        MistralForCausalLM network = load(directory);
        generate(network);
        truncate(100_000);
        assertRefused(() -> generate(network), "108744 bytes when it was mapped, and has 100000");
        assertRefused(() -> logits(network, new long[] {5, 7}), "100000");
    }

    @Test
    void rewrittenFile() throws Exception {
        MistralForCausalLM network = load(directory);
        rewrite();
        assertRefused(() -> generate(network), "and was changed at 20");
        assertRefused(() -> logits(network, new long[] {5}), "2023-11-14T22:13:20Z");
    }

    @ParameterizedTest
    @ValueSource(strings = {"nowindow-tied-sharded", "gguf", "int4"})
    void everyKindOfFile(String kind) throws Exception {
        Path path = directory;
        switch (kind) {
            case "gguf" -> {
                file = GgufModel.plain(directory).write(directory.resolve("tiny.gguf"));
                path = file;
            }
            case "int4" -> {
                copy("window4-bf16");
                path = directory.resolve("int4");
                MistralCli.commandLine()
                        .setOut(new PrintWriter(Writer.nullWriter()))
                        .execute("quantize", "--method=int4-g32", directory + "", path + "");
                file = path.resolve("model.safetensors");
            }
            default -> {
                Files.delete(file);
                file = copy(kind);
            }
        }
        Files.setLastModifiedTime(file, DOWNLOADED);
        MistralForCausalLM network = load(path);
        generate(network);
        rewrite();
        assertRefused(() -> generate(network), "changed");
    }

    /** A replaced file stays mapped. */
    @Test
    void replacedOrDeletedFile() throws Exception {
        MistralForCausalLM network = load(directory);
        List<Long> expected = generate(network);
        Path other = Files.writeString(directory.resolve("other"), "short");
        Files.move(other, file, StandardCopyOption.REPLACE_EXISTING);
        assertThat(generate(network)).isEqualTo(expected);
        Files.delete(file);
        assertThat(generate(network)).isEqualTo(expected);
    }

    /** Weights that were converted to another data type need no file. */
    @Test
    void convertedWeightsNeedNoFile() throws Exception {
        file = copy("window4-bf16");
        MistralForCausalLM network = load(directory);
        List<Long> expected = generate(network);
        truncate(0);
        assertThat(generate(network)).isEqualTo(expected);
    }

    /** The check takes microseconds per token. */
    @Test
    void runningGenerationIsNotDisturbed() throws Exception {
        MistralForCausalLM network = load(directory);
        try (Generation generation = start(network)) {
            generation.next();
            Files.setLastModifiedTime(file, FileTime.fromMillis(0));
            assertThat(generation.next()).hasSize(1);
            assertRefused(() -> generate(network), "1970-01-01");
        }
    }

    private MistralForCausalLM network(MistralCheckpoint checkpoint, Kernels kernels)
            throws Exception {
        return MistralForCausalLM.of(
                checkpoint.config(),
                checkpoint.weights(),
                directory.toString(),
                manager,
                new KernelChoice(kernels, "a test"));
    }

    @Test
    void fileChangedDuringLoading() throws Exception {
        file = copy("window4-bf16");
        MistralCheckpoint checkpoint = MistralCheckpoint.open(directory);
        Kernels kernels =
                before(
                        new ReferenceKernels(),
                        "load",
                        () -> {
                            try {
                                rewrite();
                            } catch (IOException e) {
                                throw new UncheckedIOException(e);
                            }
                        });
        assertRefused(() -> network(checkpoint, kernels), "changed");
    }

    @Test
    void fileChangedBeforeLoading() throws Exception {
        MistralCheckpoint checkpoint = MistralCheckpoint.open(directory);
        truncate(8);
        assertRefused(() -> network(checkpoint, new ReferenceKernels()), "has 8");
        assertRefused(() -> checkpoint.quantized(Quantization.parse("int4-g32")), "has 8");
    }
}

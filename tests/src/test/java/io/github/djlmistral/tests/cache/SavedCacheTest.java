/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.tests.cache;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.assertThatIllegalStateException;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import io.github.djlmistral.engine.cache.KvCache;
import io.github.djlmistral.engine.kernels.ComputeOptions;
import io.github.djlmistral.engine.model.Chunk;
import io.github.djlmistral.engine.model.MistralForCausalLM;
import io.github.djlmistral.engine.weights.CheckpointException;
import io.github.djlmistral.tests.model.Fixture;
import io.github.djlmistral.tests.model.Reference;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** KV caches in files. */
class SavedCacheTest extends Fixture {

    @TempDir Path directory;
    private Path file;

    @BeforeEach
    void name() {
        file = directory.resolve("prefix.safetensors");
    }

    private MistralForCausalLM load(String checkpoint, String kernels, String dtype, String caches)
            throws Exception {
        assumeAvailable(kernels);
        ComputeOptions options = new ComputeOptions(kernels, dtype, "auto", caches);
        return MistralForCausalLM.load(
                Reference.checkpoint(checkpoint).directory(), manager, options);
    }

    private float[] next(MistralForCausalLM network, KvCache cache, long... ids) {
        try (NDManager scope = manager.newSubManager()) {
            NDArray logits = network.forward(scope, List.of(new Chunk(cache, ids, 1)));
            return logits.toFloatArray();
        }
    }

    /** Saved by one network and restored by another one of the same checkpoint: the same bits. */
    @ParameterizedTest
    @CsvSource({
        "f16, torch, float32, auto, 40",
        "f16, torch, bfloat16, auto, 40",
        "f16, reference, float32, auto, 17",
        "window8-f32, torch, float32, auto, 300",
        "window8-f32, native, float32, auto, 1300",
        "nowindow-tied-sharded, native, bfloat16, auto, 700",
        "nowindow-tied-sharded, native, float32, int8, 512",
        "nowindow-tied-sharded, native, float32, int8, 1"
    })
    void goesOn(String checkpoint, String kernels, String dtype, String caches, int length)
            throws Exception {
        MistralForCausalLM network = load(checkpoint, kernels, dtype, caches);
        long[] text = prompt(network, 1, length);
        KvCache cache = network.newCache(manager);
        for (int from = 0; from < length; from += 100) {
            next(network, cache, Arrays.copyOfRange(text, from, Math.min(length, from + 100)));
        }
        cache.save(file);
        MistralForCausalLM other = load(checkpoint, kernels, dtype, caches);
        KvCache restored = other.restoreCache(manager, file);
        assertThat(restored.ids()).isEqualTo(text);
        assertThat(restored.dropped()).isEqualTo(cache.dropped());
        for (long id : prompt(network, 2, 40)) {
            assertThat(next(other, restored, id)).isEqualTo(next(network, cache, id));
        }
        Files.delete(file);
    }

    @ParameterizedTest
    @CsvSource({"torch", "reference", "native"})
    void doesNotReadTheFileLater(String kernels) throws Exception {
        MistralForCausalLM network = load("nowindow-tied-sharded", kernels, "float32", "auto");
        KvCache cache = network.newCache(manager);
        next(network, cache, prompt(network, 1, 300));
        cache.save(file);
        KvCache restored = network.restoreCache(manager, file);
        // the same file, not another one of its name
        Files.write(file, new byte[(int) Files.size(file)], StandardOpenOption.WRITE);
        assertThat(next(network, restored, 5)).isEqualTo(next(network, cache, 5));
    }

    @Test
    void anEmptyCache() throws Exception {
        MistralForCausalLM network = load("f16", "torch", "float32", "auto");
        network.newCache(manager).save(file);
        KvCache restored = network.restoreCache(manager, file);
        assertThat(restored.length()).isZero();
        assertThat(next(network, restored, 5))
                .isEqualTo(next(network, network.newCache(manager), 5));
    }

    @Test
    void otherModelsAndKernels() throws Exception {
        MistralForCausalLM network = load("f16", "torch", "float32", "auto");
        KvCache cache = network.newCache(manager);
        next(network, cache, 1, 2, 3);
        cache.save(file);
        String[][] others = {
            {"window8-f32", "torch", "float32", "auto", "its model is"},
            {"f16", "reference", "float32", "auto", "its kernels is"},
            {"f16", "torch", "float16", "auto", "its dtype is"}
        };
        for (String[] other : others) {
            MistralForCausalLM loaded = load(other[0], other[1], other[2], other[3]);
            assertThatIllegalArgumentException()
                    .isThrownBy(() -> loaded.restoreCache(manager, file))
                    .withMessageContaining(file.toString())
                    .withMessageContaining(other[4])
                    .withMessageContaining("save it again");
        }
        assertThat(network.restoreCache(manager, file).ids()).containsExactly(1, 2, 3);
    }

    @Test
    void filesThatAreNotWhole() throws Exception {
        MistralForCausalLM network = load("f16", "torch", "float32", "auto");
        KvCache cache = network.newCache(manager);
        next(network, cache, prompt(network, 1, 50));
        cache.save(file);
        byte[] bytes = Files.readAllBytes(file);
        for (int length : new int[] {0, 7, 100, bytes.length / 2, bytes.length - 1}) {
            Files.write(file, Arrays.copyOf(bytes, length));
            assertThatExceptionOfType(IOException.class)
                    .isThrownBy(() -> network.restoreCache(manager, file))
                    .withMessageContaining(file.toString());
        }
        Path weights = Reference.checkpoint("f16").directory().resolve("model.safetensors");
        assertThatExceptionOfType(CheckpointException.class)
                .isThrownBy(() -> network.restoreCache(manager, weights))
                .withMessageContaining("not a saved KV cache");
        String header = new String(bytes, 0, 2000, StandardCharsets.ISO_8859_1);
        for (String length : new String[] {"51", "-1", "x2"}) {
            int at = header.indexOf("\"length\":\"50\"") + 10;
            byte[] changed = bytes.clone();
            System.arraycopy(length.getBytes(StandardCharsets.US_ASCII), 0, changed, at, 2);
            Files.write(file, changed);
            assertThatExceptionOfType(CheckpointException.class)
                    .isThrownBy(() -> network.restoreCache(manager, file))
                    .withMessageContaining(file.toString());
        }
        cache.close();
        assertThatIllegalStateException()
                .isThrownBy(() -> cache.save(file))
                .withMessageContaining("closed");
    }
}

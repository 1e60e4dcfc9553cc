/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.tests.generation;

import static org.assertj.core.api.Assertions.assertThat;

import com.sun.management.ThreadMXBean;
import io.github.djlmistral.engine.generation.Generation;
import io.github.djlmistral.engine.generation.GenerationConfig;
import io.github.djlmistral.engine.generation.Generator;
import io.github.djlmistral.engine.model.MistralConfig;
import io.github.djlmistral.engine.model.MistralForCausalLM;
import io.github.djlmistral.engine.quantization.Weights;
import io.github.djlmistral.tests.Leaks;
import io.github.djlmistral.tests.kernels.RandomNetwork;
import io.github.djlmistral.tests.model.Fixture;
import java.lang.management.ManagementFactory;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** However long a text gets, its next token takes as much memory as the ones before. */
class MemoryTest extends Fixture {

    private static final ThreadMXBean THREADS = (ThreadMXBean) ManagementFactory.getThreadMXBean();

    private static final int TOKENS = 1000;

    /** Not four bytes for each of the 700 tokens that are between the ones compared. */
    private static final long GROWTH = 4 * 700;

    private static final long NOISE = 500;

    /**
     * Looks at the heap that a token takes from this thread: the median of 200 tokens, as arrays
     * that double stand out. With simd it is 23 KB, with torch 74, and varies by 0.3. Code that is
     * not compiled yet takes up to 1000 times as much, so the first text does not count, nor any
     * other whose tokens took less and less.
     */
    @ParameterizedTest
    @CsvSource({"0, simd", "0, torch", "33, simd", "33, torch"})
    void aTokenTakesWhatTheFirstOnesTook(int window, String kernels) throws Exception {
        MistralConfig config = RandomNetwork.config(window);
        Weights weights = RandomNetwork.weights(config, "float32");
        MistralForCausalLM network =
                MistralForCausalLM.of(config, weights, "random", manager, kernels, "float32");
        bytesPerToken(network);
        long first;
        long last;
        do {
            long[] bytes = bytesPerToken(network);
            first = median(bytes, 100);
            last = median(bytes, 800);
        } while (last < first - NOISE);
        assertThat(last).isBetween(1L, first + GROWTH);
    }

    /** Makes a text, and sees to it that nothing stays open. */
    private long[] bytesPerToken(MistralForCausalLM network) {
        GenerationConfig config =
                GenerationConfig.builder().maxNewTokens(TOKENS).eosTokenIds(List.of()).build();
        long[] bytes = new long[TOKENS];
        int open = 0;
        try (Generation generation =
                new Generator(network, manager, null)
                        .start(List.of(prompt(network, 1, 5)), config)) {
            for (int made = 0; made < TOKENS; ++made) {
                long before = THREADS.getCurrentThreadAllocatedBytes();
                assertThat(generation.next()).hasSize(1);
                bytes[made] = THREADS.getCurrentThreadAllocatedBytes() - before;
                open = made == 100 ? Leaks.resources(manager) : open;
            }
            assertThat(Leaks.resources(manager)).isEqualTo(open);
        }
        return bytes;
    }

    private static long median(long[] bytes, int from) {
        return Arrays.stream(bytes, from, from + 200).sorted().skip(100).findFirst().orElseThrow();
    }
}

/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.tests.generation;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.djlmistral.engine.generation.Generation;
import io.github.djlmistral.engine.generation.GenerationConfig;
import io.github.djlmistral.engine.generation.Generator;
import io.github.djlmistral.engine.kernels.ComputeOptions;
import io.github.djlmistral.engine.model.MistralConfig;
import io.github.djlmistral.engine.model.MistralForCausalLM;
import io.github.djlmistral.tests.Leaks;
import io.github.djlmistral.tests.kernels.RandomNetwork;
import io.github.djlmistral.tests.model.Fixture;
import java.util.List;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** A generation allocates its memory at the start; each token adds only its id. */
class MemoryTest extends Fixture {

    private static final int FEW = 100;
    private static final int MANY = 600;

    /**
     * What a token may keep in arrays: its id and its log-probability are 12 bytes, 24 where the
     * arrays have just doubled; the JVM's own come and go. One row of logits, 77 floats, has 320.
     */
    private static final long BYTES_PER_TOKEN = 64;

    @ParameterizedTest
    @CsvSource({"0, auto", "0, torch", "33, auto", "33, torch"})
    void tokensKeepNothingAlive(int window, String kernels) throws Exception {
        MistralConfig config = RandomNetwork.config(window);
        MistralForCausalLM network =
                RandomNetwork.load(
                        config, "float32", manager, new ComputeOptions(kernels, "float32"));
        GenerationConfig options =
                GenerationConfig.builder().maxNewTokens(MANY + 1).eosTokenIds(List.of()).build();
        try (Generation generation =
                new Generator(network, manager, null)
                        .start(List.of(prompt(network, 1, 5)), options)) {
            generate(generation, FEW);
            int resources = Leaks.resources(manager);
            long nativeBytes = Leaks.nativeBytes(manager);
            Leaks.Heap heap = Leaks.heap();
            generate(generation, MANY - FEW);
            assertThat(Leaks.resources(manager)).isEqualTo(resources);
            assertThat(Leaks.nativeBytes(manager)).isEqualTo(nativeBytes);
            Leaks.Heap after = Leaks.heap();
            // one per token would be four times as many; lazy initialization adds a few
            assertThat(after.instances()).isLessThan(heap.instances() + (MANY - FEW) / 4);
            assertThat(after.arrayBytes())
                    .isLessThan(heap.arrayBytes() + (MANY - FEW) * BYTES_PER_TOKEN);
        }
    }

    private static void generate(Generation generation, int tokens) {
        for (int i = 0; i < tokens; ++i) {
            assertThat(generation.next()).hasSize(1);
        }
    }
}

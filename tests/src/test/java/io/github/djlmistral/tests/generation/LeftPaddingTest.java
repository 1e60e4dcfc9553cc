/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.tests.generation;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.djlmistral.engine.generation.GenerationConfig;
import io.github.djlmistral.engine.generation.Generator;
import io.github.djlmistral.engine.generation.Sequence;
import io.github.djlmistral.engine.kernels.AttentionInput;
import io.github.djlmistral.engine.kernels.Kernels;
import io.github.djlmistral.engine.model.MistralForCausalLM;
import io.github.djlmistral.tests.model.Fixture;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Proxy;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** A mask hides the padding of short prompts, only as long as their window reaches it. */
class LeftPaddingTest extends Fixture {

    /** Notes for each pass whether it had a mask. */
    private static Kernels noting(Kernels kernels, List<Boolean> masks) {
        return (Kernels)
                Proxy.newProxyInstance(
                        Kernels.class.getClassLoader(),
                        new Class<?>[] {Kernels.class},
                        (proxy, method, arguments) -> {
                            if (method.getName().equals("attention")) {
                                masks.add(((AttentionInput) arguments[1]).mask() != null);
                            }
                            try {
                                return method.invoke(kernels, arguments);
                            } catch (InvocationTargetException e) {
                                throw e.getCause();
                            }
                        });
    }

    /** Prompts of 9 and 3 tokens, so padding in the columns 0 to 5. */
    @ParameterizedTest
    @CsvSource({
        // a query at column 13 sees the columns from 6 on
        "window8-f32, 512, 13, 20",
        "window8-f32, 2, 13, 20",
        // no window: always
        "nowindow-tied-sharded, 512, 1000, 20"
    })
    void theMaskEndsWithTheWindow(String checkpoint, int chunk, int first, int tokens)
            throws Exception {
        MistralForCausalLM network = load(checkpoint, "torch");
        List<Boolean> masks = new ArrayList<>();
        MistralForCausalLM observed = through(noting(network.kernels(), masks), network);
        GenerationConfig config =
                GenerationConfig.builder().maxNewTokens(tokens).prefillChunkSize(chunk).build();
        List<long[]> prompts = List.of(prompt(network, 1, 9), prompt(network, 2, 3));
        List<Sequence> together =
                new Generator(observed, manager, null).generate(prompts, config).sequences();
        int column = 0;
        for (boolean mask : masks) {
            assertThat(mask).as("at column %d", column).isEqualTo(column < first);
            column = column < 9 ? Math.min(9, column + chunk) : column + 1;
        }
        assertThat(column).isEqualTo(9 + tokens - 1);
        for (int i = 0; i < 2; ++i) {
            Sequence alone =
                    new Generator(network, manager, null)
                            .generate(prompts.subList(i, i + 1), config)
                            .sequences()
                            .get(0);
            assertClose(
                    together.get(i).logProbabilities(),
                    alone.logProbabilities(),
                    LOG_PROBABILITIES);
        }
    }
}

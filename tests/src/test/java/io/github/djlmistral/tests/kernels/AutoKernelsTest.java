/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.tests.kernels;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.data.Offset.offset;

import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import ai.djl.training.ParameterStore;
import io.github.djlmistral.engine.kernels.ComputeOptions;
import io.github.djlmistral.engine.model.ForwardInput;
import io.github.djlmistral.engine.model.MistralConfig;
import io.github.djlmistral.engine.model.MistralForCausalLM;
import io.github.djlmistral.tests.ForkedJava;
import io.github.djlmistral.tests.model.Fixture;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Kernels "auto" are the native ones on whatever JVM there is. */
class AutoKernelsTest {

    /** Prints which kernels "auto" chose for a random network, and the logits of one token. */
    static final class Program {

        private Program() {}

        public static void main(String[] arguments) throws Exception {
            try (NDManager manager = NDManager.newBaseManager("PyTorch")) {
                MistralForCausalLM network = network(manager, "auto");
                System.out.println("kernels: " + network.kernelReason());
                System.out.println("logits: " + Arrays.toString(logits(network, manager)));
            }
        }
    }

    private static MistralForCausalLM network(NDManager manager, String kernels) throws Exception {
        MistralConfig config = RandomNetwork.config(0);
        return RandomNetwork.load(
                config, "int8 g16", manager, new ComputeOptions(kernels, "float32"));
    }

    private static float[] logits(MistralForCausalLM network, NDManager manager) {
        ForwardInput input =
                ForwardInput.ofIds(manager.create(new long[] {5}, new Shape(1, 1)))
                        .cache(network.newCache(manager));
        return network.forward(new ParameterStore(manager, false), input, false)
                .logits()
                .toFloatArray();
    }

    /** Runs the program, checks its logits and returns the choice. */
    private static String choice(List<String> options) throws Exception {
        String output = ForkedJava.run(options, Program.class);
        String[] given = line(output, "logits: ").replaceAll("[\\[\\] ]", "").split(",");
        try (NDManager manager = NDManager.newBaseManager("PyTorch")) {
            float[] wanted = logits(network(manager, "reference"), manager);
            assertThat(given).hasSameSizeAs(wanted);
            for (int i = 0; i < wanted.length; ++i) {
                // float32 sums of up to 384 products in another order
                assertThat(Float.parseFloat(given[i])).isCloseTo(wanted[i], offset(1e-4f));
            }
        }
        return line(output, "kernels: ");
    }

    private static String line(String output, String begin) {
        return output.lines()
                .filter(line -> line.startsWith(begin))
                .findFirst()
                .orElseThrow(() -> new AssertionError(output))
                .substring(begin.length());
    }

    @ParameterizedTest
    @ValueSource(strings = {"-Xint", "-XX:TieredStopAtLevel=1", "-Xcheck:jni"})
    void runWithAnyOption(String option) throws Exception {
        Fixture.assumeAvailable("native");
        assertThat(choice(List.of(option))).startsWith("native on ");
    }

    /** More threads than processors would wait for each other at every barrier. */
    @Test
    void useNoMoreThreadsThanProcessors() throws Exception {
        Fixture.assumeAvailable("native");
        assertThat(choice(List.of("-XX:ActiveProcessorCount=1")))
                .startsWith("native on 1 thread, ");
    }
}

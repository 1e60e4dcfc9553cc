/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.tests.kernels;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.assertThatNoException;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import ai.djl.ndarray.NDManager;
import io.github.djlmistral.engine.internal.cpu.InstructionSet;
import io.github.djlmistral.engine.kernels.ComputeOptions;
import io.github.djlmistral.engine.kernels.KernelChoice;
import io.github.djlmistral.engine.weights.Dtype;
import io.github.djlmistral.tests.ForkedJava;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** The choice of the native kernels and of their instruction set: option, environment, default. */
class InstructionSetTest {

    private static final List<InstructionSet> AVAILABLE = InstructionSet.available();

    /**
     * Prints the choice for the values of {@code kernels} and {@code native}, or the error. The
     * processor is another one if a third argument names it.
     */
    static final class Program {

        private Program() {}

        public static void main(String[] arguments) {
            try (NDManager manager = NDManager.newBaseManager("PyTorch")) {
                if (arguments.length == 3) {
                    System.setProperty("os.arch", arguments[2]);
                }
                System.out.println(
                        "result: " + choice(manager, arguments[0], arguments[1]).reason());
            } catch (IllegalArgumentException e) {
                System.out.println("result: " + e.getMessage());
            }
        }
    }

    private static KernelChoice choice(NDManager manager, String kernels, String set) {
        ComputeOptions options = new ComputeOptions(kernels, "float32", set, "auto");
        return KernelChoice.of(manager, options, Dtype.FLOAT32, 9);
    }

    private static String result(List<String> options, String... arguments) throws Exception {
        String begin = "result: ";
        String output = ForkedJava.run(options, Program.class, arguments);
        return output.lines()
                .filter(line -> line.startsWith(begin))
                .map(line -> line.substring(begin.length()))
                .findFirst()
                .orElseThrow(() -> new AssertionError(output));
    }

    private static void assumeNativeKernels() {
        assumeTrue(!AVAILABLE.isEmpty(), InstructionSet::missing);
    }

    private static String option(InstructionSet set) {
        return set.name().toLowerCase(Locale.ROOT);
    }

    private static List<String> missing() {
        return Arrays.stream(InstructionSet.values())
                .filter(set -> !AVAILABLE.contains(set))
                .map(InstructionSetTest::option)
                .toList();
    }

    @ParameterizedTest
    @ValueSource(strings = {"auto", "avx2", "avxvnni", "avx512", "amx", "neon", "i8mm"})
    void namesAreAcceptedOnEveryProcessor(String name) {
        assertThatNoException().isThrownBy(() -> new ComputeOptions("auto", "auto", name, "auto"));
    }

    @ParameterizedTest
    @ValueSource(strings = {"", "AVX2", "avx", "sse4", "avx2 ", "avx\u202e2"})
    void unknownNamesAreErrorsThatListTheKnownOnes(String name) {
        assertThatIllegalArgumentException()
                .isThrownBy(() -> new ComputeOptions("auto", "auto", name, "auto"))
                .withMessageMatching(
                        "native is \".*\": choose \"auto\", \"avx2\", \"avxvnni\", \"avx512\","
                                + " \"amx\", \"neon\" or \"i8mm\"")
                .withMessageContaining(name.replace('\u202e', ' '));
    }

    @Test
    void anInstructionSetRequestsTheNativeKernels() {
        assertThat(new ComputeOptions("auto", "auto", "avx2", "auto").kernels())
                .isEqualTo("native");
        assertThat(new ComputeOptions("native", "auto", "avx2", "auto").kernels())
                .isEqualTo("native");
        assertThat(new ComputeOptions("auto", "auto", "auto", "auto").kernels()).isEqualTo("auto");
    }

    @ParameterizedTest
    @ValueSource(strings = {"torch", "reference"})
    void otherKernelsHaveNoInstructionSet(String kernels) {
        assertThatIllegalArgumentException()
                .isThrownBy(() -> new ComputeOptions(kernels, "auto", "avx2", "auto"))
                .withMessageContainingAll("native", "\"avx2\"", "\"" + kernels + "\"");
    }

    @Test
    void theFastestIsTheDefault() {
        assumeNativeKernels();
        assertThat(InstructionSet.choose("auto")).isEqualTo(AVAILABLE.get(AVAILABLE.size() - 1));
    }

    @Test
    void theOptionChooses() {
        assumeNativeKernels();
        try (NDManager manager = NDManager.newBaseManager("PyTorch")) {
            for (InstructionSet set : AVAILABLE) {
                assertThat(InstructionSet.choose(option(set))).isEqualTo(set);
                assertThat(choice(manager, "auto", option(set)).reason()).contains(set.toString());
            }
        }
    }

    @Test
    void whatTheProcessorLacksIsAnErrorThatNamesWhatItHas() {
        assumeNativeKernels();
        try (NDManager manager = NDManager.newBaseManager("PyTorch")) {
            for (String name : missing()) {
                assertThatIllegalArgumentException()
                        .isThrownBy(() -> choice(manager, "auto", name))
                        .withMessageContainingAll(
                                "native is \"" + name + "\", which this system does not support",
                                "choose \"auto\"",
                                "\"" + option(AVAILABLE.get(0)) + "\"");
            }
        }
    }

    @Test
    void theEnvironmentChooses() throws Exception {
        assumeNativeKernels();
        InstructionSet first = AVAILABLE.get(0);
        String variable = "-DMISTRAL_NATIVE=";
        assertThat(result(List.of(variable + option(first)), "native", "auto"))
                .contains(first.toString());
        assertThat(result(List.of(variable + missing().get(0)), "native", option(first)))
                .as("the option overrides it")
                .contains(first.toString());
        assertThat(result(List.of(variable + missing().get(0)), "native", "auto"))
                .startsWith("MISTRAL_NATIVE is \"" + missing().get(0) + "\"")
                .contains("\"" + option(first) + "\"");
        assertThat(result(List.of(variable + "sse4"), "auto", "auto"))
                .startsWith("MISTRAL_NATIVE is \"sse4\": choose \"auto\", \"avx2\"");
    }

    @ParameterizedTest
    @CsvSource({"native, auto", "auto, avx2", "native, neon"})
    void requestedByNameTheyMustBeAvailable(String kernels, String set) throws Exception {
        assertThat(result(List.of(), kernels, set, "riscv64"))
                .startsWith("the native kernels are not available")
                .contains("riscv64");
    }

    @Test
    void byDefaultOtherKernelsComputeAndSayWhy() throws Exception {
        assertThat(result(List.of("-DMISTRAL_NATIVE=avx2"), "auto", "auto", "riscv64"))
                .startsWith("torch on CPU")
                .contains("native kernels", "riscv64");
    }
}

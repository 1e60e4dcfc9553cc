/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.tests.examples;

import static org.assertj.core.api.Assertions.assertThat;

import com.google.gson.JsonObject;
import io.github.djlmistral.tests.model.Fixture;
import io.github.djlmistral.tests.model.Reference;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** {@code mistral generate --prefix} saves the KV cache of a prompt and uses it again. */
class PrefixOptionTest {

    @TempDir private Path temporary;

    private static Cli generate(String model, String kernels, String... options) {
        String[] all = {
            "generate",
            "--device=cpu",
            "--model",
            Reference.checkpoint(model).directory().toString(),
            "--kernels=" + kernels,
            "--max-new-tokens=5",
            "--json"
        };
        return Cli.run(
                IntStream.range(0, all.length + options.length)
                        .mapToObj(i -> i < all.length ? all[i] : options[i - all.length])
                        .toArray(String[]::new));
    }

    private static String ids(int shared, int own) {
        return "--ids="
                + IntStream.concat(
                                IntStream.range(5, 5 + shared), IntStream.range(70 + own, 76 + own))
                        .mapToObj(Integer::toString)
                        .collect(Collectors.joining(","));
    }

    private static long[] tokens(JsonObject json) {
        return Reference.ids(json.get("ids"));
    }

    @ParameterizedTest
    @ValueSource(strings = {"native", "torch"})
    void aSavedPromptIsUsedAgain(String kernels) {
        Fixture.assumeAvailable(kernels);
        String file = "--prefix=" + temporary.resolve("document.safetensors");
        String model = "nowindow-tied-sharded";
        JsonObject first = generate(model, kernels, ids(30, 1), file).json();
        assertThat(first.get("prefix_tokens").getAsInt()).isEqualTo(35);
        assertThat(tokens(first)).isEqualTo(tokens(generate(model, kernels, ids(30, 1)).json()));
        JsonObject second = generate(model, kernels, ids(30, 8), file).json();
        assertThat(second.get("prefix_tokens").getAsInt()).isEqualTo(30);
        assertThat(tokens(second)).isEqualTo(tokens(generate(model, kernels, ids(30, 8)).json()));
        // another beginning
        JsonObject third = generate(model, kernels, ids(3, 8), file).json();
        assertThat(third.get("prefix_tokens").getAsInt()).isZero();
    }

    @Test
    void aFileThatDoesNotFitIsRefused() throws Exception {
        Path file = temporary.resolve("document.safetensors");
        String option = "--prefix=" + file;
        generate("nowindow-tied-sharded", "torch", ids(30, 1), option).json();
        assertThat(generate("window8-f32", "torch", ids(30, 1), option).fault(1))
                .contains(file.getFileName().toString());
        byte[] bytes = Files.readAllBytes(file);
        Files.write(file, Arrays.copyOf(bytes, bytes.length - 1));
        assertThat(generate("nowindow-tied-sharded", "torch", ids(30, 1), option).fault(1))
                .contains(file.getFileName().toString());
    }

    @Test
    void wrongUseIsExplained() {
        String option = "--prefix=" + temporary.resolve("document.safetensors");
        assertThat(generate("f16", "torch", "--ids=5,6;7,8", option).fault(2))
                .contains("--prefix needs a single prompt");
        assertThat(generate("f16", "torch", "--ids=5,6", option).fault(1))
                .contains("the prompt has 2 tokens", "at least 16 tokens");
        assertThat(temporary.toFile().list()).isEmpty();
    }
}

/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.tests.zoo;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.catchThrowable;

import ai.djl.repository.zoo.Criteria;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.function.UnaryOperator;
import java.util.stream.Stream;
import org.junit.jupiter.api.Named;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * A mistake gets the same exception whether a model of the Hub is loaded by its URL, which DJL's
 * own loader does, or by its name in the zoo.
 */
class HubMistakesTest extends PublishedFixture {

    private static Arguments mistake(String name, UnaryOperator<Criteria.Builder<?, ?>> made) {
        return Arguments.of(Named.of(name, made));
    }

    private static Arguments argument(String name, Object value) {
        return mistake(name + "=" + value, criteria -> criteria.optArgument(name, value));
    }

    static Stream<Arguments> mistakesInCriteria() {
        return Stream.of(
                mistake("filter's value", c -> c.optFilter("precision", "int3")),
                mistake("filter's name", c -> c.optFilter("precison", "int4")),
                mistake(
                        "argument in two spellings",
                        c -> c.optArgument("top_k", 3).optArgument("topK", 3)),
                mistake("types", c -> c.setTypes(Path.class, Integer.class)),
                argument("tempratur", 1),
                argument("temperature", -1),
                argument("top_k", "many"),
                argument("max_new_tokens", 0),
                argument("max_input_tokens", 0),
                argument("max_input_tokens", "few"),
                argument("quantization", "int3"),
                argument("quantization", "int4-g7"),
                argument("kernels", "abacus"),
                argument("native", "sse4"),
                argument("dtype", "int3"));
    }

    static Stream<Arguments> mistakesSeenByTheModel() {
        return Stream.of(
                argument("min_new_tokens", 100_000),
                argument("gguf_file", "none.gguf"),
                argument("gguf_file", "../../none.gguf"),
                argument("blockFactory", "none.Such"));
    }

    /** The classes and messages of an exception and its causes, but for the model's name. */
    private static String failure(Criteria.Builder<?, ?> builder) {
        Throwable thrown = catchThrowable(builder.build()::loadModel);
        assertThat(thrown).isNotNull();
        List<String> chain = new ArrayList<>();
        for (Throwable at = thrown; at != null; at = at.getCause()) {
            chain.add(at.getClass().getName() + ": " + at.getMessage());
        }
        return String.join("\n", chain)
                .replace(NAME + " is not", "MODEL is not")
                .replace(REPOSITORY + " is not", "MODEL is not")
                // whichever file is requested first
                .replaceAll(REPOSITORY + "/\\w+\\.\\w+:", "FILE:")
                // the table has further forms of the model
                .replaceAll("only with \\[.*]", "only with [..]");
    }

    @ParameterizedTest
    @MethodSource({"mistakesInCriteria", "mistakesSeenByTheModel"})
    void theSameException(UnaryOperator<Criteria.Builder<?, ?>> made) {
        assertThat(failure(made.apply(byUrl()))).isEqualTo(failure(made.apply(byName())));
    }

    @ParameterizedTest
    @MethodSource("mistakesInCriteria")
    void nothingIsDownloaded(UnaryOperator<Criteria.Builder<?, ?>> made) {
        failure(made.apply(byUrl()));
        failure(made.apply(byName()));
        assertThat(hub.requests()).isZero();
    }

    /** The server has no such repository, or does not let the user in. */
    @Test
    void theSameHubException() throws IOException {
        hub.gate("hf_right");
        assertThat(failure(byUrl())).isEqualTo(failure(byName())).contains("HF_TOKEN");
        hub.set("HF_HUB_OFFLINE", "1");
        assertThat(failure(byUrl())).isEqualTo(failure(byName())).contains("HF_HUB_OFFLINE");
        hub.set("HF_HUB_OFFLINE", "0");
        hub.set("HF_TOKEN", "not a token");
        assertThat(failure(byUrl())).isEqualTo(failure(byName())).contains("HF_TOKEN");
    }

    @Test
    void theSameExceptionForADamagedFile() throws IOException {
        hub.offer(REPOSITORY, "tokenizer.json", "{");
        assertThat(failure(byUrl())).isEqualTo(failure(byName())).contains("tokenizer.json");
    }

    /** An unknown precision is refused when the criteria are made, or, as a filter, on load. */
    @Test
    void anUnknownPrecisionNamesTheKnownOnes() {
        assertThatThrownBy(() -> Criteria.builder().optModelUrls("hf://a/b?precision=int3"))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContainingAll("int3", "int4", "nf4", "bfloat16");
        assertThat(catchThrowable(byName().optFilter("precision", "int3").build()::loadModel))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContainingAll("int3", "int4", "nf4", "bfloat16");
    }
}

/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.tests.zoo;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import ai.djl.inference.Predictor;
import ai.djl.repository.zoo.Criteria;
import ai.djl.repository.zoo.ZooModel;
import com.google.gson.JsonObject;
import io.github.djlmistral.engine.model.MistralForCausalLM;
import io.github.djlmistral.tests.examples.Cli;
import io.github.djlmistral.tests.model.Reference;
import io.github.djlmistral.zoo.Mistral;
import io.github.djlmistral.zoo.translator.MistralPipeline;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Assistant models by argument, and speculation on the command line. */
class AssistantModelTest extends ZooFixture {

    private static final String QUESTION = "What is a lighthouse?";

    private static Criteria.Builder<String, String> criteria() {
        return Mistral.criteria(String.class, String.class).optArgument("maxNewTokens", 30);
    }

    private static String answer(Criteria<String, String> criteria) throws Exception {
        try (ZooModel<String, String> model = criteria.loadModel();
                Predictor<String, String> predictor = model.newPredictor()) {
            return predictor.predict(QUESTION);
        }
    }

    @Test
    void theAnswerIsThatWithoutTheAssistant() throws Exception {
        String plain = answer(criteria().build());
        assertThat(
                        answer(
                                criteria()
                                        .optArgument("assistantModel", "mistral-tiny-instruct")
                                        .build()))
                .isEqualTo(plain);
        try (ZooModel<String, String> assistant = criteria().build().loadModel()) {
            assertThat(answer(criteria().optArgument("assistant_model", assistant).build()))
                    .isEqualTo(plain);
        }
    }

    @Test
    void thePipelinesOfAModelShareTheAssistant() throws Exception {
        try (ZooModel<String, String> model =
                criteria()
                        .optArgument("assistantModel", "mistral-tiny-instruct")
                        .build()
                        .loadModel()) {
            MistralForCausalLM assistant = MistralPipeline.assistant(model);
            assertThat(assistant).isNotNull().isSameAs(MistralPipeline.assistant(model));
        }
    }

    @Test
    void anotherVocabularyIsAnError() {
        String other = Reference.directory("checkpoints/window8-f32").toString();
        assertThatThrownBy(
                        () -> criteria().optArgument("assistantModel", other).build().loadModel())
                .hasStackTraceContaining("the vocabulary of the assistant model has")
                .hasStackTraceContaining("choose an assistant model with the same tokenizer");
    }

    @ParameterizedTest
    @ValueSource(
            strings = {"--assistant-model=mistral-tiny-instruct", "--prompt-lookup-num-tokens=4"})
    void theCommandLineReportsWhatWasAccepted(String option) {
        String[] plain = {"generate", "--max-new-tokens=30", "--json", QUESTION};
        String[] speculative = {"generate", "--max-new-tokens=30", "--json", option, QUESTION};
        JsonObject json = Cli.run(speculative).json();
        assertThat(json.get("text")).isEqualTo(Cli.run(plain).json().get("text"));
        JsonObject timings = json.getAsJsonObject("timings");
        int drafted = timings.get("drafted_tokens").getAsInt();
        assertThat(timings.get("accepted_tokens").getAsInt()).isBetween(0, drafted);
        assertThat(timings.get("decode_passes").getAsInt()).isPositive();
    }

    @Test
    void benchComparesWithPlainDecoding() {
        String[] arguments = {
            "bench", "--prompt=40", "--generate=30", "--repetitions=1", "--speculate", "--json"
        };
        JsonObject result = Cli.run(arguments).json().getAsJsonObject("speculation");
        assertThat(result.get("test").getAsString()).isEqualTo("lookup30");
        assertThat(result.get("gain").getAsDouble()).isPositive();
        assertThat(result.get("tokens_per_pass").getAsDouble()).isGreaterThanOrEqualTo(1);
        assertThat(Cli.run("bench", "--speculate", "--prompt=5").fault(2)).contains("--prompt");
        assertThat(Cli.run("bench", "--assistant=x").fault(2)).contains("--speculate");
        assertThat(Cli.run("bench", "--assistant-layers=1").fault(2)).contains("--synthetic");
    }
}

/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.tests.zoo;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import ai.djl.inference.Predictor;
import ai.djl.repository.zoo.ZooModel;
import io.github.djlmistral.engine.cache.PrefixCache;
import io.github.djlmistral.engine.generation.Generator;
import io.github.djlmistral.zoo.Mistral;
import io.github.djlmistral.zoo.chat.ChatInput;
import io.github.djlmistral.zoo.chat.ChatOutput;
import io.github.djlmistral.zoo.chat.Message;
import io.github.djlmistral.zoo.translator.MistralPipeline;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** What is computed of a conversation, and the arguments for it. */
class KeptPrefixesTest extends ZooFixture {

    private static final List<String> QUESTIONS =
            List.of(QUESTION, "What is a penguin?", "Hello!", "What is a volcano?");

    private static ZooModel<ChatInput, ChatOutput> chats(String name, Object value)
            throws Exception {
        return Mistral.criteria(ChatInput.class, ChatOutput.class)
                .optArgument(name, value)
                .build()
                .loadModel();
    }

    /** Has a conversation, and returns the answers. */
    private static List<String> converse(ZooModel<ChatInput, ChatOutput> model) throws Exception {
        try (Predictor<ChatInput, ChatOutput> predictor = model.newPredictor()) {
            List<Message> messages = new ArrayList<>();
            List<String> answers = new ArrayList<>();
            for (String question : QUESTIONS) {
                messages.add(Message.user(question));
                String answer =
                        predictor
                                .predict(new ChatInput(messages, Map.of("max_new_tokens", 8)))
                                .message()
                                .content();
                messages.add(Message.assistant(answer));
                answers.add(answer);
            }
            return answers;
        }
    }

    @Test
    void aTurnReusesThePromptsBeforeIt() throws Exception {
        List<String> expected;
        try (ZooModel<ChatInput, ChatOutput> model = chats("prefix_cache_bytes", 0)) {
            expected = converse(model);
        }
        try (ZooModel<ChatInput, ChatOutput> model = chats();
                MistralPipeline pipeline = MistralPipeline.open(model)) {
            Generator generator = pipeline.generator();
            assertThat(converse(model)).isEqualTo(expected);
            PrefixCache.Metrics metrics = generator.prefixes().orElseThrow().metrics();
            List<Message> messages = new ArrayList<>();
            int prompts = 0;
            for (int turn = 0; turn < QUESTIONS.size() - 1; ++turn) {
                messages.add(Message.user(QUESTIONS.get(turn)));
                prompts += pipeline.encode(messages).length;
                messages.add(Message.assistant(expected.get(turn)));
            }
            assertThat(metrics.hits()).isEqualTo(QUESTIONS.size() - 1);
            assertThat(metrics.reusedTokens()).isGreaterThanOrEqualTo(prompts);
            // the same conversation elsewhere: the first prompt is too short to be looked up, of
            // the others one token is computed, and of each answer all but its last token
            int first = pipeline.encode(List.of(Message.user(QUESTION))).length;
            long computed = generator.batchingMetrics().orElseThrow().computedTokens();
            assertThat(converse(model)).isEqualTo(expected);
            assertThat(generator.batchingMetrics().orElseThrow().computedTokens() - computed)
                    .isLessThanOrEqualTo(first + QUESTIONS.size() * 8 - 1);
        }
    }

    @Test
    void bothCanBeTurnedOff() throws Exception {
        try (ZooModel<ChatInput, ChatOutput> model = chats("prefixCacheBytes", "0");
                MistralPipeline pipeline = MistralPipeline.open(model)) {
            assertThat(pipeline.generator().prefixes()).isEmpty();
            assertThat(pipeline.generator().batchingMetrics()).isPresent();
        }
        try (ZooModel<ChatInput, ChatOutput> model = chats("batching", false);
                MistralPipeline pipeline = MistralPipeline.open(model)) {
            assertThat(pipeline.generator().batchingMetrics()).isEmpty();
            assertThat(pipeline.generator().prefixes()).isPresent();
        }
    }

    /** Also if the network is closed before the model. */
    @Test
    void theyAreClosedWithTheNetwork() throws Exception {
        try (ZooModel<ChatInput, ChatOutput> model = chats();
                MistralPipeline pipeline = MistralPipeline.open(model)) {
            converse(model);
            PrefixCache prefixes = pipeline.generator().prefixes().orElseThrow();
            assertThat(prefixes.metrics().entries()).isPositive();
            pipeline.network().close();
            assertThat(prefixes.metrics().entries()).isZero();
        }
    }

    @ParameterizedTest
    @CsvSource({"100k, 0", "1MB, 1", "2 GiB, 1", "1.5e6, 1", "1.5, -1", "-5, -1", "8Q, -1"})
    void aSizeHasAUnit(String size, int kept) throws Exception {
        if (kept < 0) {
            assertThatThrownBy(() -> chats("prefix_cache_bytes", size))
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessageContaining("prefix_cache_bytes is \"" + size + "\"")
                    .hasMessageContaining("2GB");
            return;
        }
        try (ZooModel<ChatInput, ChatOutput> model = chats("prefix_cache_bytes", size);
                MistralPipeline pipeline = MistralPipeline.open(model)) {
            converse(model);
            PrefixCache.Metrics metrics = pipeline.generator().prefixes().orElseThrow().metrics();
            assertThat(metrics.entries()).isEqualTo(kept);
        }
    }

    @ParameterizedTest
    @CsvSource({
        "max_batch_size, 0, must be at least 1",
        "maxBatchPrefillTokens, -3, max_batch_prefill_tokens is -3",
        "max_cache_bytes, 0, must be at least 1",
        "prefix_cache_idle_seconds, -1, 0 for no limit",
        "batching, maybe, must be true or false",
        "max_batch_size, many, must be a 32-bit integer"
    })
    void wrongLimitsAreRejected(String name, String value, String message) {
        assertThatThrownBy(() -> chats(name, value))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining(message);
    }

    @Test
    void aRequestLargerThanTheMemory() throws Exception {
        try (ZooModel<ChatInput, ChatOutput> model = chats("max_cache_bytes", "1k");
                Predictor<ChatInput, ChatOutput> predictor = model.newPredictor()) {
            ChatInput input = new ChatInput(List.of(Message.user(QUESTION)), Map.of());
            assertThatThrownBy(() -> predictor.predict(input))
                    .hasMessageContaining("max_cache_bytes of this model, 1024")
                    .hasMessageContaining("lower max_new_tokens");
        }
    }
}

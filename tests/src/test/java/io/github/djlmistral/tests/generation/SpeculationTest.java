/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.tests.generation;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import io.github.djlmistral.engine.cache.PrefixCache;
import io.github.djlmistral.engine.generation.AssistantTokensSchedule;
import io.github.djlmistral.engine.generation.FinishReason;
import io.github.djlmistral.engine.generation.Generation;
import io.github.djlmistral.engine.generation.GenerationConfig;
import io.github.djlmistral.engine.generation.GenerationResult;
import io.github.djlmistral.engine.generation.Generator;
import io.github.djlmistral.engine.generation.LogitsProcessor;
import io.github.djlmistral.engine.generation.RequestLimits;
import io.github.djlmistral.engine.generation.Sequence;
import io.github.djlmistral.engine.generation.SpeculationMetrics;
import io.github.djlmistral.engine.generation.SpeculationOptions;
import io.github.djlmistral.engine.generation.Token;
import io.github.djlmistral.engine.model.MistralConfig;
import io.github.djlmistral.engine.model.MistralForCausalLM;
import io.github.djlmistral.tests.kernels.RandomNetwork;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Drafted tokens change the number of passes, and nothing else. */
class SpeculationTest extends SpeculationFixture {

    /**
     * The window is shorter and longer than the drafts, and rolls. Every bit of the log-probability
     * of each token is the same.
     */
    @ParameterizedTest
    @CsvSource({
        "0, float32, 1",
        "0, int4 g32, 1",
        "0, bfloat16, 1.3",
        "5, float32, 1",
        "16, bfloat16, 1",
        "40, float32, 1.3"
    })
    void greedyTextIsThatOfPlainDecoding(int window, String kind, double penalty) throws Exception {
        MistralForCausalLM network = network(window, kind, "native");
        MistralForCausalLM similar = network(window, SIMILAR, "native");
        MistralForCausalLM other = network(0, OTHER, "native");
        GenerationConfig.Builder options = options(100).repetitionPenalty(penalty);
        long[] prompt = repetitive(3);
        GenerationResult plain = generate(generator(network, null), prompt, options);
        assertThat(plain.speculation()).isEqualTo(SpeculationMetrics.NONE);
        for (int tokens : new int[] {1, 11}) {
            GenerationConfig.Builder more =
                    options.copy().set(SpeculationOptions.NUM_ASSISTANT_TOKENS, tokens);
            for (GenerationConfig.Builder each : List.of(more, constant(more))) {
                Generator generator = generator(network, null);
                assertSame(generate(generator, prompt, lookup(each, tokens)), plain);
                assertSame(generate(generator(network, similar), prompt, each), plain);
                assertSame(generate(generator(network, other), prompt, each), plain);
            }
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"torch", "reference"})
    void greedyTextIsThatOfPlainDecodingWithinTolerance(String kernels) throws Exception {
        MistralForCausalLM network = network(16, "float32", kernels);
        GenerationConfig.Builder options = options(40);
        long[] prompt = repetitive(5);
        Sequence plain = generate(generator(network, null), prompt, options).sequences().get(0);
        assertDecided(network, List.of(prompt), options.build(), List.of(plain));
        Generator assisted = generator(network, network(0, SIMILAR, kernels));
        for (GenerationResult result :
                List.of(
                        generate(assisted, prompt, constant(lookup(options, 6))),
                        generate(assisted, prompt, constant(options)))) {
            Sequence text = result.sequences().get(0);
            assertThat(text.generated()).isEqualTo(plain.generated());
            assertClose(text.logProbabilities(), plain.logProbabilities(), LOG_PROBABILITIES);
            assertThat(result.speculation().accepted()).isPositive();
        }
    }

    /** The schedule decides how much is drafted; a prompt longer than a chunk takes several. */
    @ParameterizedTest
    @EnumSource(AssistantTokensSchedule.class)
    void schedulesAndChunksDoNotChangeTheText(AssistantTokensSchedule schedule) throws Exception {
        MistralForCausalLM network = network(0, "float32", "native");
        Generator assisted = generator(network, network(0, SIMILAR, "native"));
        GenerationConfig.Builder options =
                options(60)
                        .prefillChunkSize(7)
                        .set(SpeculationOptions.NUM_ASSISTANT_TOKENS_SCHEDULE, schedule);
        GenerationResult plain = generate(generator(network, null), repetitive(1), options);
        assertSame(generate(assisted, repetitive(1), options), plain);
        assertSame(generate(assisted, repetitive(1), lookup(options, 4)), plain);
    }

    /** Several sequences at once, each with drafts of its own. */
    @Test
    void aBatchGivesTheTextsOfItsPrompts() throws Exception {
        MistralForCausalLM network = network(16, "float32", "native");
        Generator plain = generator(network, null);
        Generator assisted = generator(network, network(0, SIMILAR, "native"));
        List<long[]> prompts = List.of(repetitive(1), new long[] {5}, repetitive(2));
        GenerationConfig.Builder options = constant(options(30));
        for (GenerationConfig config : List.of(options.build(), lookup(options, 3).build())) {
            List<Sequence> rows = assisted.generate(prompts, config).sequences();
            for (int i = 0; i < prompts.size(); ++i) {
                long[] alone =
                        generate(plain, prompts.get(i), options).sequences().get(0).generated();
                assertThat(rows.get(i).generated()).isEqualTo(alone);
            }
        }
    }

    /** With itself as the assistant every draft is right: n + 1 tokens a pass. */
    @Test
    void anAssistantThatIsRightSavesPasses() throws Exception {
        MistralForCausalLM network = network(0, "float32", "native");
        GenerationConfig.Builder options =
                constant(options(61)).set(SpeculationOptions.NUM_ASSISTANT_TOKENS, 4);
        SpeculationMetrics metrics =
                generate(generator(network, network), repetitive(1), options).speculation();
        // the first pass only lets the assistant's cache catch up; 59 = 11 * 5 + 4
        assertThat(metrics).isEqualTo(new SpeculationMetrics(47, 47, 13));
        assertThat(metrics.acceptance()).isEqualTo(1);
        assertThat(metrics.tokensPerPass()).isEqualTo(60 / 13.0);
    }

    /** What a processor sees: the length of the sequence and its last token. */
    @Test
    void processorsSeeTheSequenceUpToTheirToken() throws Exception {
        MistralForCausalLM network = network(0, "float32", "native");
        List<List<Long>> plain = new ArrayList<>();
        List<List<Long>> speculative = new ArrayList<>();
        Generator generator = generator(network, null);
        generate(generator, repetitive(1), options(50), (scores, row) -> plain.add(seen(row)));
        GenerationResult result =
                generate(
                        generator,
                        repetitive(1),
                        constant(lookup(options(50), 6)),
                        (scores, row) -> speculative.add(seen(row)));
        assertThat(result.speculation().accepted()).isPositive();
        assertThat(speculative).isEqualTo(plain);
    }

    private static List<Long> seen(Sequence row) {
        return List.of((long) row.length(), row.id(row.length() - 1));
    }

    /** The draft goes on behind the token that ends the text. */
    @Test
    void nothingFollowsTheEnd() throws Exception {
        MistralForCausalLM network = network(0, "float32", "native");
        GenerationConfig.Builder options = options(60);
        long[] text =
                generate(generator(network, null), repetitive(1), options)
                        .sequences()
                        .get(0)
                        .generated();
        Generator assisted =
                new Generator(
                        network,
                        manager,
                        SpeculationTest::decode,
                        RequestLimits.unlimited(),
                        null,
                        new PrefixCache(1 << 20),
                        network);
        for (int at : new int[] {20, 21, 22, 23}) {
            for (GenerationConfig.Builder each :
                    List.of(constant(options), constant(lookup(options, 9)))) {
                Sequence ended =
                        generate(
                                        assisted,
                                        repetitive(1),
                                        each.copy().eosTokenIds(List.of((int) text[at])))
                                .sequences()
                                .get(0);
                assertThat(ended.finishReason()).isEqualTo(FinishReason.EOS);
                assertThat(text).startsWith(ended.generated());
                assertThat(ended.generated()).endsWith(text[at]);
                assertThat(ended.generated()).containsOnlyOnce(text[at]);
                Sequence stopped =
                        generate(
                                        assisted,
                                        repetitive(1),
                                        each.copy().stopStrings(List.of(decode(text[at]))))
                                .sequences()
                                .get(0);
                assertThat(stopped.finishReason()).isEqualTo(FinishReason.STOP);
                assertThat(stopped.generated()).isEqualTo(ended.generated());
            }
        }
        for (int tokens = 1; tokens < 12; ++tokens) {
            GenerationConfig.Builder each = constant(options(tokens));
            Sequence row = generate(assisted, repetitive(1), each).sequences().get(0);
            assertThat(row.generated()).isEqualTo(Arrays.copyOf(text, tokens));
            assertThat(row.finishReason()).isEqualTo(FinishReason.LENGTH);
        }
    }

    private static String decode(long... ids) {
        StringBuilder text = new StringBuilder();
        for (long id : ids) {
            text.append('<').append(id).append('>');
        }
        return text.toString();
    }

    /** The tokens before the failure are delivered; the call that fails can be repeated. */
    @Test
    void aProcessorThatFailsAtADraftedTokenFailsThere() throws Exception {
        MistralForCausalLM network = network(0, "float32", "native");
        long[] prompt = repetitive(1);
        List<Long> plain = new ArrayList<>();
        for (long id :
                generate(generator(network, null), prompt, options(40))
                        .sequences()
                        .get(0)
                        .generated()) {
            plain.add(id);
        }
        boolean[] fails = {true};
        LogitsProcessor processor =
                (scores, row) -> {
                    if (fails[0] && row.generatedLength() == 23) {
                        throw new IllegalStateException("no");
                    }
                };
        for (GenerationConfig.Builder each :
                List.of(constant(options(40)), constant(lookup(options(40), 9)))) {
            fails[0] = true;
            List<Long> ids = new ArrayList<>();
            try (Generation generation =
                    generator(network, network).start(List.of(prompt), each.build(), processor)) {
                while (ids.size() < 23) {
                    generation.next().stream().map(Token::id).forEach(ids::add);
                }
                assertThat(ids).isEqualTo(plain.subList(0, 23));
                assertThatExceptionOfType(IllegalStateException.class)
                        .isThrownBy(generation::next)
                        .withMessage("no");
                fails[0] = false;
                List<Token> tokens = generation.next();
                while (!tokens.isEmpty()) {
                    tokens.stream().map(Token::id).forEach(ids::add);
                    tokens = generation.next();
                }
            }
            assertThat(ids).isEqualTo(plain);
        }
    }

    /** The assistant has fewer positions: the text goes on without its drafts. */
    @Test
    void anAssistantOfAShorterContextStopsDrafting() throws Exception {
        MistralForCausalLM network = network(0, "float32", "native");
        MistralConfig shorter =
                RandomNetwork.config(0).toBuilder().maxPositionEmbeddings(60).build();
        Generator assisted = generator(network, network(shorter, "float32", "native"));
        GenerationConfig.Builder options = constant(options(60));
        GenerationResult plain = generate(generator(network, null), repetitive(1), options);
        GenerationResult result = generate(assisted, repetitive(1), options);
        assertSame(result, plain);
        assertThat(result.speculation().drafted()).isBetween(10, 30);
    }

    @Test
    void vocabulariesMustBeEqual() throws Exception {
        MistralForCausalLM network = network(0, "float32", "reference");
        MistralConfig other = RandomNetwork.config(0).toBuilder().vocabSize(78).build();
        MistralForCausalLM assistant = network(other, "float32", "reference");
        assertThatIllegalArgumentException()
                .isThrownBy(() -> generator(network, assistant))
                .withMessage(
                        "the vocabulary of the assistant model has 78 tokens, that of the model"
                                + " 77: choose an assistant model with the same tokenizer");
    }
}

/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.tests.generation;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import io.github.djlmistral.engine.generation.FinishReason;
import io.github.djlmistral.engine.generation.GenerationConfig;
import io.github.djlmistral.engine.generation.GenerationResult;
import io.github.djlmistral.engine.generation.Generator;
import io.github.djlmistral.engine.generation.Sequence;
import io.github.djlmistral.engine.generation.Token;
import io.github.djlmistral.engine.generation.TokenDecoder;
import io.github.djlmistral.engine.model.MistralForCausalLM;
import io.github.djlmistral.tests.model.Fixture;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Generated tokens do not depend on batching, prefill chunks, the cache or the thread. */
class GenerationTest extends Fixture {

    private static GenerationConfig.Builder options(int tokens) {
        return GenerationConfig.builder().maxNewTokens(tokens);
    }

    private Sequence generate(
            MistralForCausalLM network, long[] prompt, GenerationConfig.Builder options) {
        return new Generator(network, manager, null)
                .generate(List.of(prompt), options.build())
                .sequences()
                .get(0);
    }

    /** A text that may be compared: see {@link #assertDecided}. */
    private Sequence decided(
            MistralForCausalLM network, long[] prompt, GenerationConfig.Builder options) {
        Sequence row = generate(network, prompt, options);
        assertDecided(network, List.of(prompt), options.build(), List.of(row));
        return row;
    }

    private static void assertSame(Sequence actual, Sequence expected) {
        assertThat(actual.generated()).isEqualTo(expected.generated());
        assertThat(actual.finishReason()).isEqualTo(expected.finishReason());
        assertClose(actual.logProbabilities(), expected.logProbabilities(), LOG_PROBABILITIES);
    }

    /** The prompt is longer than the window of 8, and not a multiple of the chunk sizes. */
    @ParameterizedTest
    @CsvSource({
        "window8-f32, torch", "window8-f32, reference",
        "nowindow-tied-sharded, torch", "nowindow-tied-sharded, reference"
    })
    void chunksOfThePromptDoNotMatter(String checkpoint, String kernels) throws Exception {
        MistralForCausalLM network = load(checkpoint, kernels);
        long[] prompt = prompt(network, 1, 23);
        Sequence whole = decided(network, prompt, options(12));
        for (int chunk : new int[] {1, 3, 7, 8, 9, 22, 23}) {
            assertSame(generate(network, prompt, options(12).prefillChunkSize(chunk)), whole);
        }
    }

    /**
     * Prompts from 1 token to beyond the window, so that some chunks are padding only, and rows
     * that end at different steps.
     */
    @ParameterizedTest
    @CsvSource({
        "window8-f32, torch, 512", "window8-f32, reference, 5", "window4-bf16, torch, 3",
        "nowindow-tied-sharded, torch, 4", "nowindow-tied-sharded, reference, 512", "f16, torch, 1"
    })
    void paddingDoesNotChangeARow(String checkpoint, String kernels, int chunk) throws Exception {
        MistralForCausalLM network = load(checkpoint, kernels);
        List<long[]> prompts = new ArrayList<>();
        for (int length : new int[] {1, 2, 7, 13, 19, 4}) {
            prompts.add(prompt(network, length, length));
        }
        // a token from the middle of the third row ends every row that generates it
        int eos = (int) generate(network, prompts.get(2), options(20)).generated()[9];
        GenerationConfig.Builder options =
                options(20).eosTokenIds(List.of(eos)).prefillChunkSize(chunk);
        List<Sequence> together =
                new Generator(network, manager, null)
                        .generate(prompts, options.build())
                        .sequences();
        for (int i = 0; i < prompts.size(); ++i) {
            assertSame(together.get(i), decided(network, prompts.get(i), options));
        }
        assertThat(together.stream().map(Sequence::generatedLength).distinct().count())
                .isGreaterThan(1);
        assertThat(together.get(2).finishReason()).isEqualTo(FinishReason.EOS);
    }

    /** Padding is masked out. */
    @ParameterizedTest
    @ValueSource(ints = {0, 5, 98, 99, -1})
    void thePadTokenDoesNotMatter(int pad) throws Exception {
        MistralForCausalLM network = load("window8-f32", "torch");
        List<long[]> prompts = List.of(prompt(network, 1, 3), prompt(network, 2, 12));
        Generator generator = new Generator(network, manager, null);
        List<Sequence> expected = generator.generate(prompts, options(8).build()).sequences();
        assertDecided(network, prompts, options(8).build(), expected);
        List<Sequence> rows =
                generator.generate(prompts, options(8).padTokenId(pad).build()).sequences();
        assertSame(rows.get(0), expected.get(0));
        assertSame(rows.get(1), expected.get(1));
    }

    /**
     * Log-probabilities of 300 tokens generated with a rolling cache of 8 slots, against one
     * forward pass over the whole text without a cache.
     */
    @ParameterizedTest
    @CsvSource({
        "window8-f32, torch, 300",
        "window8-f32, reference, 120",
        "window4-bf16, torch, 100",
        "nowindow-tied-sharded, torch, 100",
        "f16, reference, 60"
    })
    void readAgainAGeneratedTextHasTheSameProbabilities(
            String checkpoint, String kernels, int tokens) throws Exception {
        MistralForCausalLM network = load(checkpoint, kernels);
        long[] prompt = prompt(network, 4, 5);
        Sequence row = generate(network, prompt, options(tokens).topK(0).doSample(true).seed(2));
        assertThat(row.generatedLength()).isEqualTo(tokens);
        long[] text = IntStream.range(0, row.length()).mapToLong(row::id).toArray();
        float[][] logits = logits(network, text);
        float[] expected = new float[tokens];
        for (int i = 0; i < tokens; ++i) {
            int at = prompt.length + i;
            expected[i] = (float) Math.log(softmax(logits[at - 1])[(int) text[at]]);
        }
        assertClose(row.logProbabilities(), expected, LOG_PROBABILITIES);
    }

    /** Generation stops at max_position_embeddings. */
    @Test
    void theLastPositionEndsTheText() throws Exception {
        MistralForCausalLM network = load("f16", "torch");
        int positions = network.config().maxPositionEmbeddings();
        for (int left : new int[] {1, 2, 4}) {
            Sequence row = generate(network, prompt(network, 9, positions - left), options(100));
            assertThat(row.length()).isEqualTo(positions);
            assertThat(row.finishReason()).isEqualTo(FinishReason.LENGTH);
        }
        Sequence row = generate(network, prompt(network, 9, positions - 4), options(3));
        assertThat(row.generatedLength()).isEqualTo(3);
    }

    /** Token 12 is "12 ", so that strings begin and end within tokens. */
    private static final TokenDecoder NUMBERS =
            ids -> Arrays.stream(ids).mapToObj(id -> id + " ").collect(Collectors.joining());

    @Test
    void aStopStringEndsTheTextWithTheTokenThatCompletesIt() throws Exception {
        MistralForCausalLM network = load("window8-f32", "torch");
        long[] prompt = prompt(network, 5, 6);
        long[] text = decided(network, prompt, options(40)).generated();
        Generator generator = new Generator(network, manager, NUMBERS);
        String written = NUMBERS.decode(text);
        for (int from : new int[] {0, 3, 10, 25}) {
            for (int length : new int[] {1, 2, 3, 8, 20}) {
                String stop = written.substring(from, from + length);
                int tokens = 1;
                while (!NUMBERS.decode(Arrays.copyOf(text, tokens)).contains(stop)) {
                    ++tokens;
                }
                GenerationConfig config = options(40).stopStrings(List.of("never", stop)).build();
                Sequence row = generator.generate(List.of(prompt), config).sequences().get(0);
                assertThat(row.generated()).isEqualTo(Arrays.copyOf(text, tokens));
                assertThat(row.finishReason()).isEqualTo(FinishReason.STOP);
            }
        }
    }

    /** Stop strings do not match in the prompt or across its end. */
    @Test
    void aStopStringMustBeGenerated() throws Exception {
        MistralForCausalLM network = load("window8-f32", "torch");
        long[] prompt = prompt(network, 5, 6);
        long[] text = decided(network, prompt, options(3)).generated();
        String overlap = prompt[5] + " " + text[0];
        GenerationConfig config =
                options(3).stopStrings(List.of(overlap, prompt[4] + " " + prompt[5])).build();
        Sequence row =
                new Generator(network, manager, NUMBERS)
                        .generate(List.of(prompt), config)
                        .sequences()
                        .get(0);
        assertThat(row.generated()).isEqualTo(text);
    }

    @Test
    void stopStringsNeedATokenizer() throws Exception {
        MistralForCausalLM network = load("window8-f32", "torch");
        assertThatIllegalArgumentException()
                .isThrownBy(
                        () ->
                                generate(
                                        network,
                                        new long[] {5},
                                        options(3).stopStrings(List.of("a"))))
                .withMessageContaining("stop_strings")
                .withMessageContaining("tokenizer");
    }

    /** Four threads share one network, each with its own batches, caches and seeds. */
    @ParameterizedTest
    @ValueSource(strings = {"torch", "reference"})
    void concurrentGenerationsEqualSequentialOnes(String kernels) throws Exception {
        MistralForCausalLM network = load("window8-f32", kernels);
        Generator generator = new Generator(network, manager, null);
        List<Callable<GenerationResult>> tasks = new ArrayList<>();
        List<List<Sequence>> alone = new ArrayList<>();
        for (int i = 0; i < 12; ++i) {
            List<long[]> prompts =
                    i % 3 == 0
                            ? List.of(prompt(network, i, 3 + i))
                            : List.of(prompt(network, i, 2), prompt(network, i + 50, 9));
            GenerationConfig.Builder options = options(10 + i).prefillChunkSize(1 + i);
            if (i % 2 == 0) {
                options.temperature(1.5).seed(100 + i);
            }
            GenerationConfig config = options.build();
            tasks.add(() -> generator.generate(prompts, config));
            List<Sequence> expected = generator.generate(prompts, config).sequences();
            assertDecided(network, prompts, config, expected);
            alone.add(expected);
        }
        ExecutorService threads = Executors.newFixedThreadPool(4);
        try {
            List<Future<GenerationResult>> results = threads.invokeAll(tasks);
            for (int i = 0; i < tasks.size(); ++i) {
                List<Sequence> expected = alone.get(i);
                List<Sequence> rows = results.get(i).get().sequences();
                for (int j = 0; j < expected.size(); ++j) {
                    // torch may share the work out differently on each thread
                    assertSame(rows.get(j), expected.get(j));
                }
            }
        } finally {
            threads.shutdown();
        }
    }

    @Test
    void theCallbackSeesEveryTokenOnceAndInOrder() throws Exception {
        MistralForCausalLM network = load("window8-f32", "torch");
        List<long[]> prompts = List.of(prompt(network, 1, 3), prompt(network, 2, 5));
        List<List<Token>> seen = List.of(new ArrayList<>(), new ArrayList<>());
        int eos = (int) decided(network, prompts.get(1), options(9)).generated()[4];
        GenerationResult result =
                new Generator(network, manager, null)
                        .generate(
                                prompts,
                                options(9).eosTokenIds(List.of(eos)).build(),
                                token -> seen.get(token.batchIndex()).add(token));
        for (int i = 0; i < 2; ++i) {
            Sequence row = result.sequences().get(i);
            List<Token> tokens = seen.get(i);
            assertThat(tokens.stream().mapToLong(Token::id).toArray()).isEqualTo(row.generated());
            for (int t = 0; t < tokens.size(); ++t) {
                assertThat(tokens.get(t).logProbability())
                        .isEqualTo(row.logProbabilities()[t])
                        .isLessThanOrEqualTo(0);
                assertThat(tokens.get(t).finishReason())
                        .isEqualTo(t == tokens.size() - 1 ? row.finishReason() : null);
            }
        }
        assertThat(result.sequences().get(1).generatedLength()).isLessThanOrEqualTo(5);
    }
}

/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.tests.generation;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import io.github.djlmistral.engine.generation.GenerationConfig;
import io.github.djlmistral.engine.generation.GenerationResult;
import io.github.djlmistral.engine.generation.Generator;
import io.github.djlmistral.engine.generation.Sequence;
import io.github.djlmistral.engine.generation.SpeculationMetrics;
import io.github.djlmistral.engine.generation.SpeculationOptions;
import io.github.djlmistral.engine.model.MistralForCausalLM;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** What is looked up in the text, and how it is verified. */
class PromptLookupTest extends SpeculationFixture {

    /** The drafts are those of a search through the whole text. */
    @ParameterizedTest
    @CsvSource({"1, 3", "2, 5", "3, 2", "4, 10"})
    void promptLookupFindsTheLatestOccurrenceOfTheLongestNGram(int longest, int tokens)
            throws Exception {
        MistralForCausalLM network = network(0, "float32", "native");
        GenerationConfig.Builder options =
                constant(lookup(options(80).repetitionPenalty(1.1), tokens))
                        .set(SpeculationOptions.MAX_MATCHING_NGRAM_SIZE, longest);
        GenerationResult result = generate(generator(network, null), repetitive(9), options);
        Sequence text = result.sequences().get(0);
        List<Long> ids = new ArrayList<>();
        for (int i = 0; i < text.length(); ++i) {
            ids.add(text.id(i));
        }
        int end = text.promptLength() + 1;
        int drafted = 0;
        int accepted = 0;
        int passes = 0;
        while (end < ids.size()) {
            int most = Math.min(tokens, ids.size() - end - 1);
            List<Long> draft = search(ids.subList(0, end), longest, most);
            int matches = 0;
            while (matches < draft.size() && draft.get(matches).equals(ids.get(end + matches))) {
                ++matches;
            }
            drafted += draft.size();
            accepted += matches;
            ++passes;
            end += matches + 1;
        }
        assertThat(accepted).isBetween(10, drafted - 5);
        assertThat(result.speculation())
                .isEqualTo(new SpeculationMetrics(drafted, accepted, passes));
    }

    private static List<Long> search(List<Long> ids, int longest, int most) {
        int end = ids.size();
        for (int n = Math.min(longest, end - 1); n > 0; --n) {
            for (int at = end - 1; at >= n; --at) {
                if (ids.subList(at - n, at).equals(ids.subList(end - n, end))) {
                    List<Long> draft = new ArrayList<>(ids);
                    while (draft.size() < end + most) {
                        draft.add(draft.get(draft.size() - (end - at)));
                    }
                    return draft.subList(end, end + most);
                }
            }
        }
        return List.of();
    }

    /** Drawing from the network's distribution is how a token that was looked up is verified. */
    @Test
    void promptLookupDrawsTheTokensThatPlainSamplingDraws() throws Exception {
        MistralForCausalLM network = network(16, "float32", "native");
        Generator generator = generator(network, null);
        GenerationConfig.Builder options = options(80).temperature(0.3).topP(0.9).seed(4);
        GenerationResult plain = generate(generator, repetitive(7), options);
        GenerationResult result = generate(generator, repetitive(7), constant(lookup(options, 5)));
        assertSame(result, plain);
        assertThat(result.speculation().accepted()).isPositive();
    }

    @Test
    void optionsHaveARange() {
        assertThatIllegalArgumentException()
                .isThrownBy(() -> lookup(options(1), 129).build())
                .withMessage("prompt_lookup_num_tokens is 129, must be between 1 and 128");
        assertThatIllegalArgumentException()
                .isThrownBy(() -> lookup(options(1), 2).option("num_beams", 3).build())
                .withMessageContaining("num_beams is 3, must be 1 with prompt_lookup_num_tokens");
        assertThatIllegalArgumentException()
                .isThrownBy(() -> lookup(options(1), 2).option("guidance_scale", 1.5).build())
                .withMessageContaining("must be 1 with prompt_lookup_num_tokens");
    }
}

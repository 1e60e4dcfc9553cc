/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.engine.generation;

import io.github.djlmistral.engine.model.MistralConfig;
import io.github.djlmistral.engine.model.MistralForCausalLM;
import java.util.ArrayList;
import java.util.List;

/** The prompts of a request, checked against the network and the limits. */
final class Prompts {

    private final List<long[]> prompts;
    private final GenerationConfig config;

    /** The negative prompt of guidance; empty for the last token of each prompt. */
    private final long[] negative;

    private Prompts(List<long[]> prompts, GenerationConfig config, long[] negative) {
        this.prompts = prompts;
        this.config = config;
        this.negative = negative;
    }

    /**
     * Checks the prompts of a request.
     *
     * @param prompts token ids, one array for each prompt
     * @param config the options
     * @param network the configuration of the network
     * @param limits the request limits
     * @throws IllegalArgumentException if a prompt is empty, too long or has ids outside the
     *     vocabulary, naming each of them
     */
    static Prompts check(
            List<long[]> prompts,
            GenerationConfig config,
            MistralConfig network,
            RequestLimits limits) {
        if (prompts.isEmpty()) {
            throw new IllegalArgumentException("there is no prompt: give at least one");
        }
        List<String> faults = new ArrayList<>();
        for (int i = 0; i < prompts.size(); ++i) {
            String name = prompts.size() == 1 ? "the prompt" : "prompt " + i;
            if (prompts.get(i).length == 0) {
                faults.add(name + " is empty: give at least one token, for example the BOS token");
            }
            check(name, prompts.get(i), network, faults);
        }
        requireNone(faults);
        int[] lengths = prompts.stream().mapToInt(prompt -> prompt.length).toArray();
        int longest = prompts.stream().mapToInt(prompt -> prompt.length).max().orElseThrow();
        limits.check(
                lengths,
                Math.min(config.maxNewTokens(), network.maxPositionEmbeddings() - longest));
        return new Prompts(prompts, config, negativePrompt(config, network, limits));
    }

    private static long[] negativePrompt(
            GenerationConfig config, MistralConfig network, RequestLimits limits) {
        long[] ids =
                config.get(ConstraintOptions.NEGATIVE_PROMPT_IDS).stream()
                        .mapToLong(Integer::longValue)
                        .toArray();
        List<String> faults = new ArrayList<>();
        check("negative_prompt_ids", ids, network, faults);
        requireNone(faults);
        try {
            limits.check(new int[] {ids.length}, 0);
        } catch (IllegalArgumentException e) {
            throw new IllegalArgumentException("negative_prompt_ids: " + e.getMessage(), e);
        }
        return ids;
    }

    private static void check(String name, long[] ids, MistralConfig network, List<String> faults) {
        int positions = network.maxPositionEmbeddings();
        int vocabulary = network.vocabSize();
        if (ids.length >= positions) {
            faults.add(
                    name
                            + " has "
                            + ids.length
                            + " tokens, max_position_embeddings is "
                            + positions
                            + " with at least one new token: shorten it");
        }
        for (long id : ids) {
            if (id < 0 || id >= vocabulary) {
                faults.add(
                        name
                                + " contains the token id "
                                + id
                                + ", the vocabulary has 0 to "
                                + (vocabulary - 1));
                break;
            }
        }
    }

    private static void requireNone(List<String> faults) {
        if (!faults.isEmpty()) {
            throw new IllegalArgumentException(String.join("; ", faults));
        }
    }

    /** Returns the token ids, one array for each prompt. */
    List<long[]> ids() {
        return prompts;
    }

    /** Returns the prompt, and with guidance the negative prompt: by default its last token. */
    List<long[]> contexts(long[] prompt) {
        if (config.get(ConstraintOptions.GUIDANCE_SCALE) == 1) {
            return List.of(prompt);
        }
        return List.of(
                prompt, negative.length > 0 ? negative : new long[] {prompt[prompt.length - 1]});
    }

    /** Returns the number of sequences that are computed at the same time. */
    int sequences() {
        return (int) Math.min(RequestLimits.UNLIMITED, (long) sequencesOfPrompt() * prompts.size());
    }

    private int sequencesOfPrompt() {
        return Math.max(
                config.get(BeamOptions.NUM_BEAMS), config.get(BeamOptions.NUM_RETURN_SEQUENCES));
    }

    /**
     * Returns the memory of the KV caches of all sequences, at their longest or at the window's
     * length.
     *
     * @param network the network of the caches
     * @param negative whether negative prompts have caches as well
     */
    double cacheBytes(MistralForCausalLM network, boolean negative) {
        MistralConfig shape = network.config();
        int positions = shape.maxPositionEmbeddings();
        long longest = shape.window() > 0 ? Math.min(shape.window(), positions) : positions;
        double tokens =
                prompts.stream()
                        .flatMap(ids -> negative ? contexts(ids).stream() : List.of(ids).stream())
                        .mapToLong(
                                ids -> Math.min(longest, (long) ids.length + config.maxNewTokens()))
                        .sum();
        return tokens
                * shape.cacheElements()
                * network.kernels().cacheDtype().bytes()
                * sequencesOfPrompt();
    }
}

/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.engine.generation;

import ai.djl.ndarray.NDManager;
import io.github.djlmistral.engine.model.MistralForCausalLM;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.RejectedExecutionException;
import java.util.function.Predicate;
import org.jspecify.annotations.Nullable;

/**
 * Generates texts with a network, as the reference's {@code generate} does. Thread-safe: any number
 * of generations may run at once, up to the limits.
 */
public final class Generator {

    private final MistralForCausalLM network;
    private final NDManager manager;
    private final @Nullable TokenDecoder decoder;
    private final RequestLimits limits;

    /**
     * Makes a generator without request limits.
     *
     * @param network the network
     * @param manager the manager of its weights; what a generation needs lives in sub-managers
     * @param decoder the tokenizer's, for stop strings; may be null where there is none
     */
    public Generator(
            MistralForCausalLM network, NDManager manager, @Nullable TokenDecoder decoder) {
        this(network, manager, decoder, RequestLimits.unlimited());
    }

    /**
     * Makes a generator.
     *
     * @param network the network
     * @param manager the manager of its weights; what a generation needs lives in sub-managers
     * @param decoder the tokenizer's, for stop strings; may be null where there is none
     * @param limits what {@link #start} refuses; requests run until their generation is closed
     */
    public Generator(
            MistralForCausalLM network,
            NDManager manager,
            @Nullable TokenDecoder decoder,
            RequestLimits limits) {
        this.network = network;
        this.manager = manager;
        this.decoder = decoder;
        this.limits = limits;
    }

    /** Returns the limits that {@link #start} holds requests to. */
    public RequestLimits limits() {
        return limits;
    }

    /**
     * Starts a generation, to be read token by token and closed.
     *
     * @param prompts token ids, one array for each row of the batch; rows of different lengths are
     *     padded on the left
     * @param config the options
     * @param processors the caller's own, after those of the configuration that concern meaning and
     *     before those of sampling
     * @return the generation
     * @throws IllegalArgumentException if a prompt is empty, too long for the model or holds ids
     *     that its vocabulary does not have; if stop strings are asked for without a tokenizer; or
     *     if a request is above one of the {@link #limits}
     * @throws RejectedExecutionException if too many requests are running
     */
    public Generation start(
            List<long[]> prompts, GenerationConfig config, LogitsProcessor... processors) {
        check(prompts);
        int longest = prompts.stream().mapToInt(prompt -> prompt.length).max().orElseThrow();
        int room = network.config().maxPositionEmbeddings() - longest;
        limits.check(
                prompts.stream().mapToInt(prompt -> prompt.length).toArray(),
                Math.min(config.maxNewTokens(), room));
        StopStrings stopStrings = null;
        if (!config.stopStrings().isEmpty()) {
            if (decoder == null) {
                throw new IllegalArgumentException(
                        "stop_strings need a tokenizer, this model has none: use eos_token_id");
            }
            stopStrings = new StopStrings(config.stopStrings(), decoder);
        }
        List<LogitsProcessor> chain = LogitsProcessors.chain(config, List.of(processors));
        RequestLimits.Admission admission = limits.admit(prompts.size());
        try {
            return new Generation(network, manager, prompts, config, chain, stopStrings, admission);
        } catch (RuntimeException | Error e) {
            admission.close();
            throw e;
        }
    }

    /**
     * Generates to the end.
     *
     * @param prompts as {@link #start} takes them
     * @param config the options
     * @param onToken sees each token when it is chosen and returns whether to go on; the generation
     *     is cancelled when it returns false
     * @return the rows and the times
     */
    public GenerationResult generate(
            List<long[]> prompts, GenerationConfig config, Predicate<Token> onToken) {
        try (Generation generation = start(prompts, config)) {
            List<Token> tokens = generation.next();
            while (!tokens.isEmpty()) {
                for (Token token : tokens) {
                    if (!onToken.test(token)) {
                        generation.cancel();
                    }
                }
                tokens = generation.next();
            }
            return generation.result();
        }
    }

    /**
     * Generates to the end.
     *
     * @param prompts as {@link #start} takes them
     * @param config the options
     * @return the rows and the times
     */
    public GenerationResult generate(List<long[]> prompts, GenerationConfig config) {
        return generate(prompts, config, token -> true);
    }

    private void check(List<long[]> prompts) {
        if (prompts.isEmpty()) {
            throw new IllegalArgumentException("there is no prompt: give at least one");
        }
        int positions = network.config().maxPositionEmbeddings();
        int vocabulary = network.config().vocabSize();
        List<String> faults = new ArrayList<>();
        for (int row = 0; row < prompts.size(); ++row) {
            long[] prompt = prompts.get(row);
            String name = prompts.size() == 1 ? "the prompt" : "prompt " + row;
            if (prompt.length == 0) {
                faults.add(
                        name + " is empty: give at least one token, the begin-of-text token say");
            }
            if (prompt.length >= positions) {
                faults.add(
                        name
                                + " has "
                                + prompt.length
                                + " tokens, the model has positions for "
                                + positions
                                + " with at least one new token: shorten it");
            }
            for (long id : prompt) {
                if (id < 0 || id >= vocabulary) {
                    faults.add(
                            name
                                    + " holds the token "
                                    + id
                                    + ", the vocabulary has 0 to "
                                    + (vocabulary - 1));
                    break;
                }
            }
        }
        if (!faults.isEmpty()) {
            throw new IllegalArgumentException(String.join("; ", faults));
        }
    }
}

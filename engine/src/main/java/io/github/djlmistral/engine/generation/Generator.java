/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.engine.generation;

import ai.djl.ndarray.NDManager;
import io.github.djlmistral.engine.cache.PrefixCache;
import io.github.djlmistral.engine.constraint.CompiledGrammar;
import io.github.djlmistral.engine.internal.generation.LogitsProcessors;
import io.github.djlmistral.engine.internal.generation.Scheduler;
import io.github.djlmistral.engine.model.MistralConfig;
import io.github.djlmistral.engine.model.MistralForCausalLM;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.RejectedExecutionException;
import java.util.function.Predicate;
import org.jspecify.annotations.Nullable;

/**
 * Text generation with a network; {@code GenerationMixin.generate} of the reference. Thread-safe:
 * any number of generations may run at once, up to the limits.
 */
public final class Generator {

    private final MistralForCausalLM network;
    private final NDManager manager;
    private final @Nullable TokenDecoder decoder;
    private final RequestLimits limits;
    private final CacheSource caches;
    private final @Nullable Scheduler scheduler;
    private final @Nullable PrefixCache prefixes;
    private final @Nullable MistralForCausalLM assistant;
    private final GrammarCache grammars;

    /**
     * Makes a generator without request limits.
     *
     * @param network the network
     * @param manager closing it closes the generations
     * @param decoder decodes for stop strings; null for none
     * @throws IllegalArgumentException if the attention of the network is bidirectional
     */
    public Generator(
            MistralForCausalLM network, NDManager manager, @Nullable TokenDecoder decoder) {
        this(network, manager, decoder, RequestLimits.unlimited());
    }

    /**
     * Makes a generator with the default limits of batching that keeps no prefixes.
     *
     * @param network the network
     * @param manager closing it closes the generations
     * @param decoder decodes for stop strings; null for none
     * @param limits the request limits; a request counts until its generation is closed
     * @throws IllegalArgumentException if the attention of the network is bidirectional
     */
    public Generator(
            MistralForCausalLM network,
            NDManager manager,
            @Nullable TokenDecoder decoder,
            RequestLimits limits) {
        this(network, manager, decoder, limits, Batching.DEFAULT, null);
    }

    /**
     * Makes a generator.
     *
     * @param network the network
     * @param manager closing it closes the generations, and the caches that are kept
     * @param decoder decodes for stop strings; null for none
     * @param limits the request limits; a request counts until its generation is closed
     * @param batching the limits of the passes that are computed for all generations of the
     *     network, also those of other generators with the same limits; null if each generation
     *     computes its own
     * @param prefixes KV caches of earlier generations of this network, for prompts that begin with
     *     the same tokens; null to keep none
     * @throws IllegalArgumentException if the attention of the network is bidirectional
     */
    public Generator(
            MistralForCausalLM network,
            NDManager manager,
            @Nullable TokenDecoder decoder,
            RequestLimits limits,
            @Nullable Batching batching,
            @Nullable PrefixCache prefixes) {
        this(network, manager, decoder, limits, batching, prefixes, null);
    }

    /**
     * Makes a generator. An assistant model drafts tokens for the network to verify: speculative
     * decoding. The text is the same without it, or, in sampling, has the same distribution. It
     * drafts for greedy decoding and sampling, unless {@code prompt_lookup_num_tokens} is set; not
     * for beam search, and not with a guidance scale.
     *
     * @param network the network
     * @param manager closing it closes the generations, and the caches that are kept
     * @param decoder decodes for stop strings; null for none
     * @param limits the request limits; a request counts until its generation is closed
     * @param batching the limits of the passes that are computed for all generations of the
     *     network, also those of other generators with the same limits; null if each generation
     *     computes its own
     * @param prefixes KV caches of earlier generations of this network, for prompts that begin with
     *     the same tokens; null to keep none
     * @param assistant a smaller network with the same vocabulary; null for none. It must stay open
     *     as long as generations run
     * @throws IllegalArgumentException if the attention of a network is bidirectional, or the
     *     vocabularies have different sizes
     */
    public Generator(
            MistralForCausalLM network,
            NDManager manager,
            @Nullable TokenDecoder decoder,
            RequestLimits limits,
            @Nullable Batching batching,
            @Nullable PrefixCache prefixes,
            @Nullable MistralForCausalLM assistant) {
        network.config().requireCausal();
        if (assistant != null) {
            assistant.config().requireCausal();
            int tokens = assistant.config().vocabSize();
            if (tokens != network.config().vocabSize()) {
                throw new IllegalArgumentException(
                        "the vocabulary of the assistant model has "
                                + tokens
                                + " tokens, that of the model "
                                + network.config().vocabSize()
                                + ": choose an assistant model with the same tokenizer");
            }
        }
        grammars = new GrammarCache(decoder, network.config().vocabSize());
        this.assistant = assistant;
        this.network = network;
        this.manager = manager;
        this.decoder = decoder;
        this.limits = limits;
        this.prefixes = prefixes;
        caches = CacheSource.of(network, manager, prefixes);
        scheduler = batching == null ? null : Scheduler.shared(network, batching);
    }

    /** Returns the request limits. */
    public RequestLimits limits() {
        return limits;
    }

    /** Returns a snapshot of the batching counters; empty without batching. */
    public Optional<BatchingMetrics> batchingMetrics() {
        return Optional.ofNullable(scheduler).map(Scheduler::metrics);
    }

    /** Returns the kept prefixes, with their counters; empty if none are kept. */
    public Optional<PrefixCache> prefixes() {
        return Optional.ofNullable(prefixes);
    }

    /**
     * Starts a generation that is read token by token.
     *
     * @param prompts token ids, one array for each prompt of the batch
     * @param config the options
     * @param processors custom processors, see {@link LogitsProcessors} for their place
     * @return the generation, to be closed; with {@code num_return_sequences} n, prompt i has the
     *     sequences n · i to n · i + n - 1
     * @throws IllegalArgumentException if a prompt is empty, too long for the model, above one of
     *     the {@link #limits} or has ids outside the vocabulary; if an option has; if there are
     *     stop strings and no decoder; if the response format needs a vocabulary and the decoder
     *     has none, or its tokens cannot spell the grammar; or if the KV caches may exceed {@link
     *     Batching#maxCacheBytes}
     * @throws RejectedExecutionException if too many requests are running
     */
    public Generation start(
            List<long[]> prompts, GenerationConfig config, LogitsProcessor... processors) {
        MistralConfig shape = network.config();
        Prompts checked = Prompts.check(prompts, config, shape, limits);
        StopStringCriteria stopStrings = null;
        if (!config.stopStrings().isEmpty()) {
            if (decoder == null) {
                throw new IllegalArgumentException(
                        "stop_strings need a tokenizer, this model has none: use eos_token_id");
            }
            stopStrings = new StopStringCriteria(config.stopStrings(), decoder);
        }
        CompiledGrammar grammar = grammars.of(config);
        ProcessorChain chain =
                new ProcessorChain(
                        LogitsProcessors.chain(
                                config,
                                List.of(processors),
                                new LogitsProcessors.Context(
                                        shape.vocabSize(), shape.maxPositionEmbeddings(), decoder)),
                        config,
                        grammar);
        StoppingCriteria stopping =
                new StoppingCriteria(config, stopStrings, shape.maxPositionEmbeddings());
        RequestLimits.Admission admission = limits.admit(checked.sequences());
        try {
            CountedCaches counted = new CountedCaches(caches, checked.ids());
            DecodingFactory decodings =
                    new DecodingFactory(config, chain, stopping, counted, assistant, manager);
            return new Generation(
                    network,
                    manager,
                    decodings.of(checked),
                    counted,
                    config.prefillChunkSize(),
                    admission,
                    scheduler,
                    cacheBytes(checked, config),
                    stopping.deadline());
        } catch (RuntimeException | Error e) {
            admission.close();
            throw e;
        }
    }

    /**
     * Generates until all sequences are finished.
     *
     * @param prompts as {@link #start} takes them
     * @param config the options
     * @param onToken called with each token; the generation is cancelled when it returns false
     * @return the sequences and timings
     */
    public GenerationResult generate(
            List<long[]> prompts, GenerationConfig config, Predicate<Token> onToken) {
        try (Generation generation = start(prompts, config)) {
            return generation.run(onToken);
        }
    }

    /**
     * Generates until all sequences are finished.
     *
     * @param prompts as {@link #start} takes them
     * @param config the options
     * @return the sequences and timings
     */
    public GenerationResult generate(List<long[]> prompts, GenerationConfig config) {
        return generate(prompts, config, token -> true);
    }

    /** Returns the memory of the KV caches at their longest; too many bytes are Long.MAX_VALUE. */
    private long cacheBytes(Prompts prompts, GenerationConfig config) {
        double bytes = prompts.cacheBytes(network, true);
        if (assistant != null && Speculation.usesAssistant(config, assistant)) {
            bytes += prompts.cacheBytes(assistant, false);
        }
        return (long) bytes;
    }
}

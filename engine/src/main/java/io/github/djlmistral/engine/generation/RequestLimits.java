/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.engine.generation;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.Semaphore;
import java.util.concurrent.atomic.AtomicBoolean;

/**
 * Limits on the requests to a model, named as in Text Generation Inference. A request is one
 * prompt; a batch counts as one request per prompt, and a prompt as one per beam or sequence.
 * Requests above a limit are rejected, not queued. Thread-safe.
 */
public final class RequestLimits {

    /** No limit. */
    public static final int UNLIMITED = Integer.MAX_VALUE;

    private final int maxInputTokens;
    private final int maxTotalTokens;
    private final int maxConcurrentRequests;
    private final Semaphore free;

    /**
     * Makes limits, each {@link #UNLIMITED} or at least 1.
     *
     * @param maxInputTokens maximum tokens of a prompt
     * @param maxTotalTokens maximum tokens of a request, prompt and {@code max_new_tokens}; at
     *     least 2
     * @param maxConcurrentRequests maximum concurrent requests
     * @throws IllegalArgumentException if a limit is out of its range, naming it
     */
    public RequestLimits(int maxInputTokens, int maxTotalTokens, int maxConcurrentRequests) {
        require("max_input_tokens", maxInputTokens, 1);
        require("max_total_tokens", maxTotalTokens, 2);
        require("max_concurrent_requests", maxConcurrentRequests, 1);
        this.maxInputTokens = maxInputTokens;
        this.maxTotalTokens = maxTotalTokens;
        this.maxConcurrentRequests = maxConcurrentRequests;
        free = new Semaphore(maxConcurrentRequests);
    }

    private static void require(String name, int value, int least) {
        if (value < least) {
            throw new IllegalArgumentException(
                    name + " is " + value + ", must be at least " + least);
        }
    }

    /** Returns limits that reject nothing. */
    public static RequestLimits unlimited() {
        return new RequestLimits(UNLIMITED, UNLIMITED, UNLIMITED);
    }

    /** Returns the maximum tokens of a prompt. */
    public int maxInputTokens() {
        return maxInputTokens;
    }

    /** Returns the maximum tokens of a request, prompt and {@code max_new_tokens} together. */
    public int maxTotalTokens() {
        return maxTotalTokens;
    }

    /** Returns the maximum concurrent requests. */
    public int maxConcurrentRequests() {
        return maxConcurrentRequests;
    }

    /**
     * Checks the size of requests.
     *
     * @param lengths number of tokens of each prompt
     * @param newTokens maximum generated tokens of each; 0 for a pass without generation
     * @throws IllegalArgumentException if prompts are above a limit, naming each of them
     */
    public void check(int[] lengths, int newTokens) {
        List<String> faults = new ArrayList<>();
        for (int i = 0; i < lengths.length; ++i) {
            String name = lengths.length == 1 ? "the prompt" : "prompt " + i;
            if (lengths[i] > Math.min(maxInputTokens, maxTotalTokens - Math.min(newTokens, 1))) {
                faults.add(
                        name
                                + " has "
                                + lengths[i]
                                + " tokens, above "
                                + (lengths[i] > maxInputTokens
                                        ? "max_input_tokens of this model, " + maxInputTokens
                                        : "max_total_tokens of this model, "
                                                + maxTotalTokens
                                                + ", with at least one new token")
                                + ": shorten it");
            } else if ((long) lengths[i] + newTokens > maxTotalTokens) {
                faults.add(
                        name
                                + " has "
                                + lengths[i]
                                + " tokens and max_new_tokens is "
                                + newTokens
                                + ", together above max_total_tokens of this model, "
                                + maxTotalTokens
                                + ": set max_new_tokens to "
                                + (maxTotalTokens - lengths[i])
                                + " at most");
            }
        }
        if (!faults.isEmpty()) {
            throw new IllegalArgumentException(String.join("; ", faults));
        }
    }

    /**
     * Completes the options of a request.
     *
     * @param options the options of the request over the model's own; where the request leaves
     *     {@code max_new_tokens} open, it is lowered here to what {@code max_total_tokens} leaves
     * @param model the model's own options
     * @param open whether the request leaves it open
     * @param promptTokens number of tokens of the longest prompt
     * @return the options
     * @throws IllegalArgumentException if {@code prefill_chunk_size} is above the model's, or the
     *     options contradict each other
     */
    public GenerationConfig complete(
            GenerationConfig.Builder options,
            GenerationConfig.Builder model,
            boolean open,
            int promptTokens) {
        GenerationConfig config = options.build();
        int chunk = model.build().prefillChunkSize();
        if (config.prefillChunkSize() > chunk) {
            throw new IllegalArgumentException(
                    "prefill_chunk_size is "
                            + config.prefillChunkSize()
                            + ", but a request may only lower the model's, "
                            + chunk);
        }
        int room = maxTotalTokens - promptTokens;
        return open && config.maxNewTokens() > room && room >= Math.max(1, config.minNewTokens())
                ? options.maxNewTokens(room).build()
                : config;
    }

    /**
     * Admits requests.
     *
     * @param requests number of requests
     * @return a permit to be closed when they have ended
     * @throws RejectedExecutionException if too many others are running
     * @throws IllegalArgumentException if they exceed the limit by themselves
     */
    public Admission admit(int requests) {
        if (requests > maxConcurrentRequests) {
            throw new IllegalArgumentException(
                    "a batch of "
                            + requests
                            + " requests is above max_concurrent_requests of this model, "
                            + maxConcurrentRequests
                            + ": split it");
        }
        if (!free.tryAcquire(requests)) {
            throw new RejectedExecutionException(
                    (requests == 1 ? "one more request" : requests + " more requests")
                            + " would be above max_concurrent_requests of this model, "
                            + maxConcurrentRequests
                            + ": try again when others have ended");
        }
        AtomicBoolean running = new AtomicBoolean(true);
        return () -> {
            if (running.getAndSet(false)) {
                free.release(requests);
            }
        };
    }

    /** A permit for running requests; closing it repeatedly has no effect. */
    @FunctionalInterface
    public interface Admission extends AutoCloseable {

        @Override
        void close();
    }
}

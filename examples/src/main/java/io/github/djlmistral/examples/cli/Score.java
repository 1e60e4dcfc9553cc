/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.examples.cli;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDArrays;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.index.NDIndex;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import ai.djl.training.ParameterStore;
import io.github.djlmistral.engine.model.ForwardInput;
import io.github.djlmistral.engine.model.MistralForCausalLM;
import io.github.djlmistral.examples.cli.Passages.Passage;
import io.github.djlmistral.examples.cli.Passages.Window;
import java.util.Arrays;
import java.util.BitSet;
import java.util.IdentityHashMap;
import java.util.stream.IntStream;

/** Perplexity and KL divergence of a network, accumulated window by window. */
final class Score {

    /** Tokens that were not the most likely ones. */
    private final IdentityHashMap<Passage, BitSet> missed = new IdentityHashMap<>();

    private double negativeLogLikelihood;
    private double divergence;
    private long sameAsBase;
    private long counted;

    /**
     * Computes the predictions of a network for the scored tokens of a window.
     *
     * @param network the network
     * @param manager owns the result
     * @param window a window with N scored tokens
     * @return log-probabilities, float32 (N, vocabulary)
     */
    static NDArray logProbabilities(MistralForCausalLM network, NDManager manager, Window window) {
        long[] input = Arrays.copyOfRange(window.passage().ids(), window.begin(), window.end());
        int first = window.counted()[0];
        // the logits of a token predict the next one
        NDArray logits =
                network.forward(
                                new ParameterStore(manager, false),
                                ForwardInput.ofIds(
                                                manager.create(input, new Shape(1, input.length)))
                                        .logitsToKeep(window.end() - first + 1),
                                false)
                        .logits();
        NDList rows = new NDList();
        for (int i : window.counted()) {
            rows.add(logits.get(new NDIndex(0).addSliceDim(i - first, i - first + 1)));
        }
        return NDArrays.concat(rows, 0).logSoftmax(1);
    }

    /**
     * Adds a window.
     *
     * @param window the window
     * @param scores result of {@link #logProbabilities}
     */
    void add(Window window, NDArray scores) {
        long[] ids = window.passage().ids();
        float[] values = scores.toFloatArray();
        int[] tokens = window.counted();
        int vocabulary = values.length / tokens.length;
        long[] likeliest = likeliest(scores);
        BitSet misses = missed.computeIfAbsent(window.passage(), passage -> new BitSet());
        for (int i = 0; i < tokens.length; ++i) {
            long target = ids[tokens[i]];
            negativeLogLikelihood -= values[i * vocabulary + (int) target];
            if (likeliest[i] != target) {
                misses.set(tokens[i]);
            }
        }
        counted += tokens.length;
    }

    /**
     * Adds a window and its KL divergence from a baseline.
     *
     * @param window the window
     * @param scores result of {@link #logProbabilities}
     * @param base that of the baseline
     */
    void add(Window window, NDArray scores, NDArray base) {
        add(window, scores);
        divergence += base.exp().mul(base.sub(scores)).sum().getFloat();
        long[] ours = likeliest(scores);
        long[] theirs = likeliest(base);
        sameAsBase += IntStream.range(0, ours.length).filter(i -> ours[i] == theirs[i]).count();
    }

    /** Returns the most likely token of each row; engines differ in the type of its index. */
    private static long[] likeliest(NDArray scores) {
        return scores.argMax(1).toType(DataType.INT64, false).toLongArray();
    }

    /** Returns the number of scored tokens. */
    long counted() {
        return counted;
    }

    /** Returns the mean negative log-likelihood, in nats. */
    double meanNll() {
        return negativeLogLikelihood / counted;
    }

    /** Returns {@code exp} of {@link #meanNll}. */
    double perplexity() {
        return Math.exp(meanNll());
    }

    /**
     * Returns the mean over the tokens of {@code sum p (log p - log q)}, p being the baseline's.
     */
    double meanDivergence() {
        return divergence / counted;
    }

    /** Returns the share of tokens where both networks have the same most likely token. */
    double sameAsBase() {
        return (double) sameAsBase / counted;
    }

    /** Returns the number of answers in which every token is the most likely one. */
    long answersRight() {
        return missed.entrySet().stream()
                .mapToLong(
                        entry ->
                                entry.getKey().answers().stream()
                                        .filter(
                                                answer ->
                                                        entry.getValue()
                                                                        .get(
                                                                                answer.begin(),
                                                                                answer.end())
                                                                        .cardinality()
                                                                == 0)
                                        .count())
                .sum();
    }
}

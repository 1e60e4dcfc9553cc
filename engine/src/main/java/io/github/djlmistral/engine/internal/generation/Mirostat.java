/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.engine.internal.generation;

import io.github.djlmistral.engine.generation.LogitsProcessor;
import io.github.djlmistral.engine.generation.Sequence;
import java.util.HashMap;
import java.util.Map;
import java.util.WeakHashMap;

/**
 * Mirostat 2 (Basu et al. 2020, <a href="https://arxiv.org/abs/2007.14966">Mirostat</a>; {@code
 * mirostat-v2} of llama.cpp): keeps the tokens whose surprise {@code -log2 p} is at most mu, which
 * is adapted after each token so that the mean surprise comes to tau.
 */
final class Mirostat implements LogitsProcessor {

    private final double tau;
    private final double eta;
    private final Map<Sequence, State> states = new WeakHashMap<>();

    /** Of one sequence, at the length at which its scores were last processed. */
    private static final class State {

        private double mu;
        private int length;

        /** The tokens that were allowed, and the logarithms of their probabilities. */
        private Map<Integer, Double> surprises = Map.of();

        State(double mu) {
            this.mu = mu;
        }
    }

    /**
     * Makes the processor.
     *
     * @param tau target of the surprise in bits
     * @param eta learning rate
     */
    Mirostat(double tau, double eta) {
        this.tau = tau;
        this.eta = eta;
    }

    @Override
    public synchronized void process(float[] scores, Sequence sequence) {
        State state = states.computeIfAbsent(sequence, key -> new State(2 * tau));
        // the same length again if the token could not be selected
        if (sequence.length() == state.length + 1) {
            Double surprise = state.surprises.get((int) sequence.id(state.length));
            state.mu -= surprise == null ? 0 : eta * (surprise - tau);
        }
        state.length = sequence.length();
        Candidates candidates = new Candidates(scores);
        int keep = 1;
        while (keep < candidates.size() && surprise(candidates.probability(keep)) <= state.mu) {
            ++keep;
        }
        candidates.forbidFrom(keep, scores);
        state.surprises = surprises(candidates, keep);
    }

    private static double surprise(double probability) {
        return -Math.log(probability) / Math.log(2);
    }

    /** Returns the surprises of the first tokens, whose probabilities are normalized. */
    private static Map<Integer, Double> surprises(Candidates candidates, int keep) {
        int size = Math.min(keep, candidates.size());
        double mass = 0;
        for (int i = 0; i < size; ++i) {
            mass += candidates.probability(i);
        }
        Map<Integer, Double> surprises = new HashMap<>();
        for (int i = 0; i < size; ++i) {
            surprises.put(candidates.id(i), surprise(candidates.probability(i) / mass));
        }
        return surprises;
    }
}

/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.engine.generation;

/**
 * What speculative decoding did.
 *
 * @param drafted number of drafted tokens that were verified
 * @param accepted number of those that were accepted
 * @param passes number of forward passes after the prompt, whether or not they verified a draft;
 *     summed over the sequences
 */
public record SpeculationMetrics(int drafted, int accepted, int passes) {

    /** Without speculation. */
    public static final SpeculationMetrics NONE = new SpeculationMetrics(0, 0, 0);

    /** Returns the fraction of drafted tokens that were accepted; 0 if none were drafted. */
    public double acceptance() {
        return drafted == 0 ? 0 : (double) accepted / drafted;
    }

    /** Returns the tokens per pass: the accepted ones, and one of the network's own. */
    public double tokensPerPass() {
        return passes == 0 ? 0 : 1 + (double) accepted / passes;
    }

    SpeculationMetrics plus(SpeculationMetrics other) {
        return new SpeculationMetrics(
                drafted + other.drafted, accepted + other.accepted, passes + other.passes);
    }
}

/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.engine.generation;

import io.github.djlmistral.engine.internal.generation.Softmax;
import java.util.Comparator;
import java.util.List;
import java.util.PriorityQueue;

/**
 * A token and its log-probability.
 *
 * @param id token id
 * @param logProbability natural logarithm of the softmax of the network's logits at this token,
 *     before logits processors; at most 0
 */
public record TokenLogProbability(long id, float logProbability) {

    /**
     * Returns the most likely tokens, the most likely first; equal ones in the order of their ids.
     *
     * @param logits the network's logits
     * @param softmax their softmax
     * @param count number of tokens
     */
    static List<TokenLogProbability> top(float[] logits, Softmax softmax, int count) {
        if (count == 0) {
            return List.of();
        }
        // the least likely of the tokens that are kept is the head
        Comparator<Integer> order =
                Comparator.<Integer>comparingDouble(id -> logits[id])
                        .thenComparing(Comparator.reverseOrder());
        PriorityQueue<Integer> top = new PriorityQueue<>(order);
        for (int id = 0; id < logits.length; ++id) {
            if (top.size() < count || logits[id] > logits[top.element()]) {
                top.add(id);
            }
            if (top.size() > count) {
                top.remove();
            }
        }
        return top.stream()
                .sorted(order.reversed())
                .map(id -> new TokenLogProbability(id, softmax.log(id)))
                .toList();
    }
}

/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.engine.internal.constraint;

import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * The items of Earley's parser (1970) at a border between terminals. Immutable.
 *
 * <p>An item's origin is the set where its production began, not a position in the text: parts of
 * texts that lead to the same items share their set, and what was found out about it.
 */
final class EarleySet {

    /** A production up to a dot, from a set on; {@code null} is the set that the item is in. */
    record Item(int production, int dot, @Nullable EarleySet origin) {}

    /** A number of its own. */
    final long id;

    /** Whether the text up to here is complete. */
    final boolean complete;

    /** The terminals after dots, ascending. */
    final int[] terminals;

    private final Productions productions;
    private final List<Item> items;

    /**
     * Closes a set of items over prediction and completion.
     *
     * @param kernel items that a terminal led to, or the predicted items of the start
     */
    EarleySet(long id, Productions productions, Iterable<Item> kernel) {
        this.id = id;
        this.productions = productions;
        Set<Item> closed = new LinkedHashSet<>();
        List<Item> queue = new ArrayList<>();
        kernel.forEach(item -> add(item, closed, queue));
        Set<Integer> expected = new TreeSet<>();
        boolean done = false;
        for (int i = 0; i < queue.size(); i++) {
            Item item = queue.get(i);
            int production = item.production();
            EarleySet origin = item.origin();
            if (productions.isComplete(production, item.dot())) {
                // Rule 0 is the start's. Empty texts are dealt with by Productions.skips.
                done |= productions.ruleOf(production) == 0;
                if (origin != null) {
                    origin.after(productions.ruleOf(production), next -> add(next, closed, queue));
                }
            }
            int next = productions.next(production, item.dot());
            if (next >= 0) {
                for (int predicted : productions.of(next)) {
                    add(new Item(predicted, 0, null), closed, queue);
                }
                if (productions.skips(production, item.dot())) {
                    add(new Item(production, item.dot() + 1, origin), closed, queue);
                }
            } else if (next != Productions.NONE) {
                expected.add(~next);
            }
        }
        items = List.copyOf(queue);
        complete = done;
        terminals = expected.stream().mapToInt(Integer::intValue).toArray();
    }

    private static void add(Item item, Set<Item> closed, List<Item> queue) {
        if (closed.add(item)) {
            queue.add(item);
        }
    }

    /** Passes on the items that wait for a symbol here, moved behind it. */
    void after(int symbol, Consumer<Item> result) {
        for (Item item : items) {
            if (productions.next(item.production(), item.dot()) == symbol) {
                EarleySet origin = item.origin();
                result.accept(
                        new Item(
                                item.production(),
                                productions.advance(item.production(), item.dot()),
                                origin == null ? this : origin));
            }
        }
    }
}

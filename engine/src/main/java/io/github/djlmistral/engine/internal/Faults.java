/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.engine.internal;

import java.util.ArrayList;
import java.util.List;

/** What does not fit, for a message that lists the first twenty. */
public final class Faults {

    private static final int LISTED = 20;

    private final List<String> all = new ArrayList<>();

    /** Makes an empty list. */
    public Faults() {}

    /** Adds one. */
    public void add(String fault) {
        all.add(fault);
    }

    /** Returns whether there are none. */
    public boolean isEmpty() {
        return all.isEmpty();
    }

    /** Returns the first ones, and how many more there are. */
    @Override
    public String toString() {
        int shown = Math.min(all.size(), LISTED);
        return String.join("; ", all.subList(0, shown))
                + (shown < all.size() ? "; and " + (all.size() - shown) + " more" : "");
    }
}

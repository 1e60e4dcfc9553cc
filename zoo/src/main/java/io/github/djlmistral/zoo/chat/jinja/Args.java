/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.zoo.chat.jinja;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Arguments of a call.
 *
 * @param positional the positional ones
 * @param keywords the keyword ones
 */
record Args(List<Object> positional, Map<String, Object> keywords) {

    static final Args NONE = new Args(List.of(), Map.of());

    static Args of(Object... positional) {
        return new Args(List.of(positional), Map.of());
    }

    /** Returns these arguments with one more in front. */
    Args prepend(Object first) {
        List<Object> all = new ArrayList<>(positional.size() + 1);
        all.add(first);
        all.addAll(positional);
        return new Args(all, keywords);
    }

    /** Returns these arguments without the first positional ones. */
    Args skip(int count) {
        return new Args(
                positional.subList(Math.min(count, positional.size()), positional.size()),
                keywords);
    }

    Args with(String keyword, Object value) {
        Map<String, Object> all = new LinkedHashMap<>(keywords);
        all.put(keyword, value);
        return new Args(positional, all);
    }

    /** Returns an argument that {@link #bind} was told to require. */
    static Object given(@Nullable Object argument) {
        if (argument == null) {
            throw new IllegalStateException("a required argument is missing");
        }
        return argument;
    }

    /**
     * Assigns the arguments to parameters as Python does.
     *
     * @param function the function's name, for errors
     * @param required how many of the parameters have no default
     * @param names of the parameters; one that begins with "/" takes no keyword
     * @return their values, null where the default applies
     * @throws PyError if they do not fit
     */
    @Nullable Object[] bind(String function, int required, String... names) {
        @Nullable Object[] values = new Object[names.length];
        if (positional.size() > names.length) {
            throw PyError.type(
                    function
                            + "() takes at most "
                            + names.length
                            + " arguments ("
                            + positional.size()
                            + " given)");
        }
        for (int i = 0; i < positional.size(); i++) {
            values[i] = positional.get(i);
        }
        for (Map.Entry<String, Object> keyword : keywords.entrySet()) {
            int at = List.of(names).indexOf(keyword.getKey());
            if (at < 0) {
                throw PyError.type(
                        function
                                + "() got an unexpected keyword argument '"
                                + keyword.getKey()
                                + "'");
            }
            if (values[at] != null) {
                throw PyError.type(
                        function + "() got multiple values for argument '" + names[at] + "'");
            }
            values[at] = keyword.getValue();
        }
        for (int i = 0; i < required; i++) {
            if (values[i] == null) {
                throw PyError.type(
                        function
                                + "() missing required argument: '"
                                + names[i].replace("/", "")
                                + "'");
            }
        }
        return values;
    }
}

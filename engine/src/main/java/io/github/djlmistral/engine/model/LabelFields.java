/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.engine.model;

import io.github.djlmistral.engine.internal.Quote;
import io.github.djlmistral.engine.model.LabelConfig.ProblemType;
import java.util.List;
import java.util.Set;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/** Reads {@code id2label}, {@code num_labels} and {@code problem_type} of a {@code config.json}. */
final class LabelFields {

    /** Vocabularies have as many entries; no classifier has more classes. */
    private static final int MOST_LABELS = 1 << 20;

    private LabelFields() {}

    static LabelConfig read(ConfigFields fields) {
        String type = fields.get("problem_type", ConfigFields::text, null);
        List<String> names = names(fields);
        Integer count = fields.get("num_labels", ConfigFields::exact, null);
        if (names == null) {
            int size = count == null ? LabelConfig.DEFAULT.size() : count;
            if (size < 1 || size > MOST_LABELS) {
                throw ConfigFields.invalid("num_labels is " + size, null);
            }
            names = LabelConfig.ofSize(size).names();
        } else if (count != null && count != names.size()) {
            throw ConfigFields.invalid(
                    "num_labels is "
                            + count
                            + ", but id2label has "
                            + names.size()
                            + " labels: correct one of them",
                    null);
        }
        return new LabelConfig(names, type == null ? null : ProblemType.of(type));
    }

    /** Returns the values of {@code id2label} in the order of their keys; null if it is absent. */
    private static @Nullable List<String> names(ConfigFields fields) {
        ConfigFields labels = fields.object("id2label");
        if (labels == null) {
            return null;
        }
        Set<String> keys = labels.keys();
        TreeMap<Integer, String> names = new TreeMap<>();
        for (String key : keys) {
            int id = key.matches("0|[1-9][0-9]{0,8}") ? Integer.parseInt(key) : -1;
            if (id < 0 || id >= keys.size()) {
                throw ConfigFields.invalid(
                        "id2label has the key "
                                + Quote.of(key)
                                + ", expected 0 to "
                                + (keys.size() - 1),
                        null);
            }
            names.put(id, labels.require(key, ConfigFields::text, null));
        }
        return List.copyOf(names.values());
    }
}

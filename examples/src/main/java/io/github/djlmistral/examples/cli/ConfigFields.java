/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.examples.cli;

import io.github.djlmistral.engine.generation.GenerationConfig;
import io.github.djlmistral.engine.model.LabelConfig;
import io.github.djlmistral.engine.model.MistralConfig;
import io.github.djlmistral.engine.weights.Dtype;
import java.lang.reflect.RecordComponent;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** The fields of a configuration, named as in {@code config.json}. */
final class ConfigFields {

    private ConfigFields() {}

    /** Returns all fields, those of a classification head only if they are not the default. */
    static Map<String, @Nullable Object> of(MistralConfig config) {
        Map<String, @Nullable Object> fields = new LinkedHashMap<>();
        for (RecordComponent component : MistralConfig.class.getRecordComponents()) {
            try {
                Object value = component.getAccessor().invoke(config);
                if (component.getName().equals("classifierDropout")
                        && value.equals(MistralConfig.defaults().classifierDropout())) {
                    continue;
                }
                if (value instanceof LabelConfig labels) {
                    put(labels, fields);
                } else if (component.getName().equals("architecture")) {
                    fields.put("architectures", value == null ? List.of() : List.of(value));
                } else {
                    fields.put(name(component), value instanceof Dtype dtype ? dtype + "" : value);
                }
            } catch (ReflectiveOperationException e) {
                throw new LinkageError("records have public components", e);
            }
        }
        return fields;
    }

    private static void put(LabelConfig labels, Map<String, @Nullable Object> fields) {
        if (labels.equals(LabelConfig.DEFAULT)) {
            return;
        }
        Map<String, String> names = new LinkedHashMap<>();
        for (int i = 0; i < labels.size(); ++i) {
            names.put("" + i, labels.names().get(i));
        }
        fields.put("id2label", names);
        if (labels.problemType() != null) {
            fields.put("problem_type", labels.problemType().toString());
        }
    }

    private static String name(RecordComponent component) {
        return GenerationConfig.Builder.referenceName(
                component.getName().replace("eosTokenIds", "eosTokenId"));
    }
}

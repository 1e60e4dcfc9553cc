/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.examples.cli;

import io.github.djlmistral.engine.generation.GenerationConfig;
import io.github.djlmistral.engine.model.MistralConfig;
import io.github.djlmistral.engine.weights.Dtype;
import java.lang.reflect.RecordComponent;
import java.util.LinkedHashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** The fields of a configuration, named as in {@code config.json}. */
final class ConfigFields {

    private ConfigFields() {}

    /** Returns all record components. */
    static Map<String, @Nullable Object> of(MistralConfig config) {
        Map<String, @Nullable Object> fields = new LinkedHashMap<>();
        for (RecordComponent component : MistralConfig.class.getRecordComponents()) {
            try {
                Object value = component.getAccessor().invoke(config);
                fields.put(name(component), value instanceof Dtype dtype ? dtype + "" : value);
            } catch (ReflectiveOperationException e) {
                throw new LinkageError("records have public components", e);
            }
        }
        return fields;
    }

    private static String name(RecordComponent component) {
        return GenerationConfig.Builder.referenceName(
                component.getName().replace("eosTokenIds", "eosTokenId"));
    }
}

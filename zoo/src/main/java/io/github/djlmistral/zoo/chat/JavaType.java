/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.zoo.chat;

import com.github.victools.jsonschema.generator.FieldScope;
import com.github.victools.jsonschema.generator.Option;
import com.github.victools.jsonschema.generator.OptionPreset;
import com.github.victools.jsonschema.generator.SchemaGenerator;
import com.github.victools.jsonschema.generator.SchemaGeneratorConfigBuilder;
import com.github.victools.jsonschema.generator.SchemaVersion;
import com.github.victools.jsonschema.generator.TypeScope;
import com.google.gson.Gson;
import com.google.gson.JsonParseException;
import io.github.djlmistral.engine.constraint.ResponseFormat;
import io.github.djlmistral.engine.internal.Quote;
import java.lang.reflect.AnnotatedElement;
import java.math.BigDecimal;
import java.util.Arrays;
import java.util.Map;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.node.ObjectNode;

/** Java types as JSON Schema, by victools' generator, and their objects from JSON, by Gson. */
final class JavaType {

    /** The integers that fit a type. */
    private record Bounds(BigDecimal least, BigDecimal most) {
        Bounds(long least, long most) {
            this(BigDecimal.valueOf(least), BigDecimal.valueOf(most));
        }
    }

    private static final Map<Class<?>, Bounds> BOUNDS =
            Map.of(
                    short.class, new Bounds(Short.MIN_VALUE, Short.MAX_VALUE),
                    Short.class, new Bounds(Short.MIN_VALUE, Short.MAX_VALUE),
                    int.class, new Bounds(Integer.MIN_VALUE, Integer.MAX_VALUE),
                    Integer.class, new Bounds(Integer.MIN_VALUE, Integer.MAX_VALUE),
                    long.class, new Bounds(Long.MIN_VALUE, Long.MAX_VALUE),
                    Long.class, new Bounds(Long.MIN_VALUE, Long.MAX_VALUE));

    private static final Gson GSON = new Gson();

    private JavaType() {}

    /** Returns the format of the JSON texts of a type's objects. */
    static ResponseFormat format(Class<?> type) {
        try {
            return ResponseFormat.jsonSchema(Generator.schema(type));
        } catch (NoClassDefFoundError e) {
            throw new IllegalStateException(
                    "responseType needs com.github.victools:jsonschema-generator on the class path",
                    e);
        } catch (IllegalArgumentException e) {
            throw new IllegalArgumentException(
                    type.getName() + " as a schema: " + e.getMessage(), e);
        }
    }

    /** Reads an object. */
    static <T> T read(String json, Class<T> type) {
        try {
            T object = GSON.fromJson(json, type);
            if (object != null) {
                return object;
            }
        } catch (JsonParseException e) {
            throw new IllegalArgumentException(
                    Quote.of(json) + " is no " + type.getName() + ": " + e.getMessage(), e);
        }
        throw new IllegalArgumentException(Quote.of(json) + " is no " + type.getName());
    }

    /** The generator; its library is optional. */
    private static final class Generator {

        static String schema(Class<?> type) {
            SchemaGeneratorConfigBuilder config =
                    new SchemaGeneratorConfigBuilder(
                                    SchemaVersion.DRAFT_2020_12, OptionPreset.PLAIN_JSON)
                            .with(
                                    Option.FORBIDDEN_ADDITIONAL_PROPERTIES_BY_DEFAULT,
                                    Option.MAP_VALUES_AS_ADDITIONAL_PROPERTIES,
                                    Option.STANDARD_FORMATS);
            config.forFields()
                    .withRequiredCheck(field -> !isNullable(field))
                    .withNullableCheck(Generator::isNullable);
            config.forTypesInGeneral()
                    // in the order of their declaration
                    .withPropertySorter((unused, unusedToo) -> 0)
                    .withNumberInclusiveMinimumResolver(scope -> bound(scope, Bounds::least))
                    .withNumberInclusiveMaximumResolver(scope -> bound(scope, Bounds::most));
            ObjectNode schema = new SchemaGenerator(config.build()).generateSchema(type);
            return schema.toString();
        }

        private static @Nullable BigDecimal bound(
                TypeScope scope, Function<Bounds, BigDecimal> which) {
            Bounds bounds = BOUNDS.get(scope.getType().getErasedType());
            return bounds == null ? null : which.apply(bounds);
        }

        /** Whether it is annotated as {@code Nullable}, of whatever package. */
        private static boolean isNullable(FieldScope field) {
            return !field.isFakeContainerItemScope()
                    && (hasNullable(field.getRawMember())
                            || hasNullable(field.getRawMember().getAnnotatedType()));
        }

        private static boolean hasNullable(AnnotatedElement element) {
            return Arrays.stream(element.getAnnotations())
                    .anyMatch(a -> a.annotationType().getSimpleName().equals("Nullable"));
        }
    }
}

/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.engine.constraint;

import io.github.djlmistral.engine.internal.constraint.SchemaGrammar;

/**
 * How the JSON texts of a schema are written.
 *
 * <p>The schema is of <a href="https://json-schema.org/draft/2020-12">draft 2020-12</a>. A keyword
 * that cannot be enforced is an error that names it and its place; annotations such as {@code
 * title} and {@code default}, and names that begin with {@code x-}, are allowed. {@code format} is
 * enforced. Supported are {@code type}, {@code enum}, {@code const}, {@code minimum}, {@code
 * maximum}, {@code exclusiveMinimum}, {@code exclusiveMaximum}, {@code multipleOf}, {@code
 * minLength}, {@code maxLength}, {@code pattern}, {@code format} (date, time, date-time, duration,
 * email, hostname, ipv4, ipv6, uri, uuid; of host names those without punycode, and leap seconds at
 * offsets of whole quarters of an hour), {@code prefixItems}, {@code items}, {@code minItems},
 * {@code maxItems}, {@code properties}, {@code required}, {@code patternProperties}, {@code
 * additionalProperties}, {@code propertyNames}, {@code minProperties}, {@code maxProperties},
 * {@code dependentRequired}, {@code dependentSchemas}, {@code allOf}, {@code anyOf}, {@code $ref}
 * within the schema, and OpenAPI's {@code nullable}; {@code $dynamicRef} whose {@code
 * $dynamicAnchor} no other schema has; {@code contains} and {@code minContains}, and {@code
 * maxContains} of schemas that have an opposite; {@code uniqueItems} of items from up to 12 values
 * without arrays and objects; {@code oneOf} of schemas that are disjoint or have an opposite,
 * {@code not} and {@code if} of schemas that have an opposite (not where that is an object with
 * some property, wherever it stands, an array with some item behind {@code prefixItems}, or numbers
 * that are not multiples); {@code unevaluatedProperties}, and {@code unevaluatedItems} but beside
 * {@code contains}.
 *
 * <p>Properties are written in the order of the schema, those it does not name behind them. Names
 * of properties and strings of {@code enum} and {@code const} are written with the short escapes.
 * Integers are written without point and exponent, and numbers that are restricted without
 * exponent.
 *
 * @param whitespace the longest white space between two tokens of JSON, in characters; 0 for none
 * @param depth the deepest nesting of arrays and objects, 0 for no limit
 * @param spaced whether one space stands behind each comma and colon; {@code whitespace} is 0 then
 */
public record JsonSchema(int whitespace, int depth, boolean spaced) {

    /** JSON without white space. */
    public static final JsonSchema COMPACT = new JsonSchema(0, 0);

    /** JSON with up to 20 characters of white space between two tokens. */
    public static final JsonSchema FLEXIBLE = new JsonSchema(20, 0);

    /** JSON as Python's {@code json.dumps} writes it: one space behind each comma and colon. */
    public static final JsonSchema SPACED = new JsonSchema(0, 0, true);

    /** Checks the limits. */
    public JsonSchema {
        if (whitespace < 0 || depth < 0) {
            throw new IllegalArgumentException(
                    "limits are 0 or above: whitespace " + whitespace + ", depth " + depth);
        }
        if (spaced && whitespace > 0) {
            throw new IllegalArgumentException("either white space or spaced, not both");
        }
    }

    /**
     * Writes without spaces of its own.
     *
     * @param whitespace the longest white space between two tokens of JSON, in characters
     * @param depth the deepest nesting of arrays and objects, 0 for no limit
     */
    public JsonSchema(int whitespace, int depth) {
        this(whitespace, depth, false);
    }

    /**
     * Compiles a schema.
     *
     * @param schema the schema as JSON
     * @return the grammar of the JSON texts of the values that satisfy the schema
     * @throws IllegalArgumentException if the schema is wrong, has a keyword that cannot be
     *     enforced, or no value satisfies it; the message begins with the JSON pointer of the place
     */
    public Grammar grammar(String schema) {
        return SchemaGrammar.of(schema, whitespace, depth, spaced, RegularExpression::new);
    }
}

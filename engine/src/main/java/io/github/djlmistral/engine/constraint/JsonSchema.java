/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.engine.constraint;

import io.github.djlmistral.engine.internal.constraint.SchemaGrammar;

/**
 * How the JSON texts of a schema are written. Example:
 *
 * <pre>{@code
 * Grammar grammar = JsonSchema.FLEXIBLE.grammar("{\"type\": \"array\", \"items\": {\"enum\": [1, 2]}}");
 * }</pre>
 *
 * <p>The schema is of <a href="https://json-schema.org/draft/2020-12">draft 2020-12</a>, or of
 * draft-07 if its {@code $schema} says so (then with lists in {@code items}, {@code
 * additionalItems}, and nothing beside {@code $ref}). A keyword that cannot be enforced is an error
 * that names it and its place; annotations such as {@code title} and {@code default}, and names
 * that begin with {@code x-}, are allowed. {@code format} is enforced. Supported are {@code type},
 * {@code enum}, {@code const}, {@code minimum}, {@code maximum}, {@code exclusiveMinimum}, {@code
 * exclusiveMaximum}, {@code multipleOf}, {@code minLength}, {@code maxLength}, {@code pattern},
 * {@code format} (date, time, date-time, duration, email, hostname, ipv4, ipv6, iri, iri-reference,
 * json-pointer, relative-json-pointer, uri, uri-reference, uri-template, uuid; of host names those
 * without punycode, and leap seconds at offsets of whole quarters of an hour), {@code prefixItems},
 * {@code items}, {@code minItems}, {@code maxItems}, {@code contains}, {@code minContains}, {@code
 * maxContains}, {@code unevaluatedItems}, {@code properties}, {@code required}, {@code
 * patternProperties}, {@code additionalProperties}, {@code propertyNames}, {@code minProperties},
 * {@code maxProperties}, {@code unevaluatedProperties}, {@code dependentRequired}, {@code
 * dependentSchemas}, {@code dependencies}, {@code allOf}, {@code anyOf}, {@code oneOf}, {@code
 * not}, {@code if} with {@code then} and {@code else}, {@code $ref} and {@code $dynamicRef} within
 * the schema, and OpenAPI's {@code nullable}.
 *
 * <p>Where a grammar cannot tell, these are errors, too: {@code uniqueItems} but of items from up
 * to 12 values without arrays and objects; its opposite, in {@code not}, {@code if} or {@code
 * oneOf}; {@code minProperties} if two or more properties may have any name; multiples whose common
 * multiple is above 32,768 units of their last decimal place; and schemas that would take too many
 * rules or states.
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

/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.engine.internal.constraint;

import com.google.gson.JsonElement;
import com.google.gson.JsonPrimitive;
import java.math.BigDecimal;
import java.math.BigInteger;

/** The numbers that keywords have. */
final class SchemaNumbers {

    /** Limit on the exponent of numbers, whose digits are written out. */
    private static final int LONGEST_NUMBER = 400;

    private SchemaNumbers() {}

    /** Returns the count that a keyword has, or another one without the keyword. */
    static int limit(Location schema, String keyword, int otherwise) {
        JsonElement value = schema.object().get(keyword);
        return value == null ? otherwise : count(value, Location.below(schema.pointer(), keyword));
    }

    static int count(JsonElement value, String pointer) {
        BigDecimal number = number(value, pointer);
        if (number.signum() < 0 || number.stripTrailingZeros().scale() > 0) {
            throw SchemaDocument.error(pointer, "it must be an integer from 0");
        }
        BigInteger count = number.toBigIntegerExact();
        return count.min(BigInteger.valueOf(Integer.MAX_VALUE)).intValue();
    }

    static BigDecimal number(JsonElement value, String pointer) {
        if (value instanceof JsonPrimitive primitive && primitive.isNumber()) {
            try {
                BigDecimal number = new BigDecimal(primitive.getAsString());
                if (Math.abs((long) number.scale()) > LONGEST_NUMBER) {
                    throw SchemaDocument.error(
                            pointer,
                            "the number has more than " + LONGEST_NUMBER + " digits written out");
                }
                return number;
            } catch (NumberFormatException e) {
                throw new SchemaException(pointer, "the number is out of range", e);
            }
        }
        throw SchemaDocument.error(pointer, "it must be a number");
    }
}

/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.engine.internal.constraint;

/** How JSON writes strings. */
public final class JsonStrings {

    private JsonStrings() {}

    public static Regex quoted(Regex value) {
        throw new UnsupportedOperationException(value.toString());
    }
}

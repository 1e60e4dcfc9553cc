/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.engine.internal.constraint;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/** Characters that differ in case only, as java.util.regex compares them with UNICODE_CASE. */
final class CaseFolding {

    /** By key: the characters that share it, where there are several. */
    private static final Map<Integer, CodePoints> ALIKE = alike();

    private CaseFolding() {}

    private static int key(int c) {
        return Character.toLowerCase(Character.toUpperCase(c));
    }

    private static Map<Integer, CodePoints> alike() {
        Map<Integer, CodePoints> result = new HashMap<>();
        for (int c = 0; c <= Character.MAX_CODE_POINT; c++) {
            int key = key(c);
            if (key != c) {
                result.merge(key, CodePoints.of(key).union(CodePoints.of(c)), CodePoints::union);
            }
        }
        return result;
    }

    /** Returns a set with the characters that differ from its own in case only. */
    static CodePoints close(CodePoints set) {
        CodePoints result = set;
        for (CodePoints alike : ALIKE.values()) {
            if (!alike.intersect(set).isEmpty()) {
                result = result.union(alike);
            }
        }
        return result;
    }

    /** Returns the expression of a text in any case. */
    static Regex anyCase(String text) {
        List<Regex> parts = new ArrayList<>();
        text.codePoints()
                .forEach(
                        c ->
                                parts.add(
                                        new Regex.Chars(
                                                ALIKE.getOrDefault(key(c), CodePoints.of(c)))));
        return new Regex.Concat(parts);
    }
}

/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.zoo.chat;

import com.hubspot.jinjava.interpret.JinjavaInterpreter;
import com.hubspot.jinjava.lib.filter.Filter;
import org.jspecify.annotations.Nullable;

/** The filter {@code trim} as in Python: white space is what Unicode says, a NUL is none. */
final class Trim implements Filter {

    @Override
    public String getName() {
        return "trim";
    }

    @Override
    public Object filter(
            @Nullable Object value, JinjavaInterpreter interpreter, String... arguments) {
        String text = value == null ? "" : value.toString();
        int start = 0;
        int end = text.length();
        while (start < end && isWhitespace(text.charAt(start))) {
            start++;
        }
        while (start < end && isWhitespace(text.charAt(end - 1))) {
            end--;
        }
        return text.substring(start, end);
    }

    private static boolean isWhitespace(char c) {
        return Character.isWhitespace(c) || Character.isSpaceChar(c) || c == '\u0085';
    }
}

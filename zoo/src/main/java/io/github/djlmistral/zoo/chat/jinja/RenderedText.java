/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.zoo.chat.jinja;

import java.util.function.UnaryOperator;

/** The output of a template, each character of which comes from the template or from the input. */
public final class RenderedText {

    private final Str value;

    RenderedText(Str value) {
        this.value = value;
    }

    /**
     * Returns the text.
     *
     * @return the text
     */
    public String text() {
        return value.text();
    }

    /**
     * Returns the text up to a position, see {@link String#substring}.
     *
     * @param end where it ends, in UTF-16 units
     * @return the first characters
     */
    public RenderedText first(int end) {
        return new RenderedText(value.substring(new Budget(end), 0, end));
    }

    /**
     * Returns the text with each maximal run of input characters replaced.
     *
     * @param quote maps a run to its replacement
     * @return the text
     */
    public String mapInput(UnaryOperator<String> quote) {
        String text = value.text();
        StringBuilder mapped = new StringBuilder(text.length() + 16);
        int start = 0;
        boolean input = false;
        for (int edge : value.edges()) {
            String part = text.substring(start, edge);
            mapped.append(input ? quote.apply(part) : part);
            start = edge;
            input = !input;
        }
        String last = text.substring(start);
        return mapped.append(input ? quote.apply(last) : last).toString();
    }
}

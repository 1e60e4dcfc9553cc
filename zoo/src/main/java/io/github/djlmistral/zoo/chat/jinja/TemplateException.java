/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.zoo.chat.jinja;

/**
 * Thrown if a template has a syntax error, fails while it is rendered, exceeds a limit, or calls
 * {@code raise_exception}. The message names the line, except for {@code raise_exception}, whose
 * message is the template's own.
 */
public final class TemplateException extends IllegalArgumentException {

    private static final long serialVersionUID = 1;

    private final int line;

    TemplateException(String message, int line) {
        super(message);
        this.line = line;
    }

    static TemplateException at(int line, String message) {
        return new TemplateException("line " + line + " of the template: " + message, line);
    }

    static TemplateException syntax(String message, int line) {
        return at(line, message);
    }

    /**
     * Returns the line of the template in which the error occurred.
     *
     * @return the line, 1 for the first one
     */
    public int line() {
        return line;
    }
}

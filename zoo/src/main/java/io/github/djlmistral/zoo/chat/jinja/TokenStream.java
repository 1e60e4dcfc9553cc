/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.zoo.chat.jinja;

import io.github.djlmistral.zoo.chat.jinja.Token.Kind;
import java.util.List;

/** The tokens of a template with a position. */
final class TokenStream {

    private final List<Token> tokens;
    private int at;

    TokenStream(List<Token> tokens) {
        this.tokens = tokens;
    }

    Token current() {
        return tokens.get(at);
    }

    Token look() {
        return tokens.get(Math.min(at + 1, tokens.size() - 1));
    }

    Token next() {
        Token token = current();
        at = Math.min(at + 1, tokens.size() - 1);
        return token;
    }

    boolean is(Kind kind) {
        return current().kind() == kind;
    }

    boolean is(String operator) {
        return current().is(operator);
    }

    boolean isName(String name) {
        return current().isName(name);
    }

    boolean skip(String operator) {
        return is(operator) && next() != null;
    }

    boolean skipName(String name) {
        return isName(name) && next() != null;
    }

    Token expect(Kind kind, String description) {
        if (!is(kind)) {
            throw unexpected(description);
        }
        return next();
    }

    Token name() {
        return expect(Kind.NAME, "name");
    }

    Token expect(String operator) {
        if (!is(operator)) {
            throw unexpected("'" + operator + "'");
        }
        return next();
    }

    Token expectName(String name) {
        if (!isName(name)) {
            throw unexpected("'" + name + "'");
        }
        return next();
    }

    private TemplateException unexpected(String expected) {
        return error(
                is(Kind.END)
                        ? "unexpected end of template, expected " + expected
                        : "expected " + expected + ", got " + current().describe());
    }

    TemplateException error(String message) {
        return TemplateException.syntax(message, current().line());
    }
}

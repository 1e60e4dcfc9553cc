/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.zoo.chat;

/**
 * How a model writes calls of tools: as a list behind one token, {@code [TOOL_CALLS] [{"name": "f",
 * "arguments": {..}}]}, or each behind a token of its own, {@code [TOOL_CALLS]f[ARGS]{..}}.
 *
 * @param callsToken the id of {@code [TOOL_CALLS]}
 * @param argumentsToken the id of {@code [ARGS]}, -1 for a list
 * @param space what stands behind the first token: a space or nothing
 * @param argumentsSpace what stands behind the second token
 */
record CallSyntax(int callsToken, int argumentsToken, String space, String argumentsSpace) {

    /** Returns whether a token is one of the syntax. */
    boolean has(long id) {
        return id == callsToken || id == argumentsToken;
    }

    boolean isList() {
        return argumentsToken < 0;
    }
}

/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.tests.zoo;

import io.github.djlmistral.zoo.chat.ToolCall;

/** The same where each call has a token of its own and its name is not in a list. */
class NamedToolCallsTest extends ToolCallsTest {

    @Override
    String template() {
        return "tools-v11";
    }

    @Override
    String written(ToolCall call, String result) {
        return String.format(
                "[TOOL_CALLS] %s[CALL_ID] %s[ARGS] %s</s>[TOOL_RESULTS] %s[TOOL_CONTENT] %s[/TOOL_RESULTS]",
                call.name(), call.id(), call.arguments(), call.id(), result);
    }
}

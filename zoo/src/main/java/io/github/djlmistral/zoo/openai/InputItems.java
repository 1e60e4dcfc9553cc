/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.zoo.openai;

import io.github.djlmistral.zoo.chat.Message;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** Reads {@code instructions} and {@code input} of the responses endpoint as messages. */
final class InputItems {

    private final List<Message> messages = new ArrayList<>();

    /** Calls that follow each other are one message. */
    private List<Map<String, Object>> calls = new ArrayList<>();

    private InputItems() {}

    static List<Message> read(Fields request) {
        InputItems items = new InputItems();
        String instructions = request.string("instructions");
        if (instructions != null) {
            items.messages.add(Message.system(instructions));
        }
        Object input = request.require("input");
        if (input instanceof String text) {
            items.messages.add(Message.user(text));
            return items.messages;
        }
        if (!(input instanceof List<?> list) || list.isEmpty()) {
            throw Fields.wrongType("input", "a string or an array of at least one item");
        }
        for (int i = 0; i < list.size(); ++i) {
            items.add(Fields.of("input[" + i + "]", list.get(i)));
        }
        items.endCalls();
        return items.messages;
    }

    private void add(Fields item) {
        String type = item.string("type");
        item.ignoreStrings("id");
        item.only("status", "completed", "incomplete", "in_progress");
        if (type != null && type.equals("function_call")) {
            item.refuse("caller", "namespace");
            calls.add(
                    Map.of(
                            "id", item.requireString("call_id"),
                            "type", "function",
                            "function",
                                    Map.of(
                                            "name", item.requireString("name"),
                                            "arguments", item.requireString("arguments"))));
            item.end();
            return;
        }
        endCalls();
        Map<String, @Nullable Object> message = new LinkedHashMap<>();
        if (type == null || type.equals("message")) {
            String role = item.requireString("role");
            if (!List.of("user", "assistant", "system", "developer").contains(role)) {
                throw ApiException.invalid(
                        item.path("role"),
                        item.path("role")
                                + " is "
                                + Fields.shown(role)
                                + ", must be user, assistant, system or developer");
            }
            item.refuse("phase");
            message.put("role", role.equals("developer") ? "system" : role);
            message.put(
                    "content",
                    MessageFields.text(
                            item.path("content"),
                            item.require("content"),
                            role.equals("assistant") ? "output_text" : "input_text"));
        } else if (type.equals("function_call_output")) {
            item.refuse("caller", "namespace");
            message.put("role", "tool");
            message.put("tool_call_id", item.requireString("call_id"));
            message.put(
                    "content",
                    MessageFields.text(item.path("output"), item.require("output"), "input_text"));
            String name = item.string("name");
            if (name != null) {
                message.put("name", name);
            }
        } else {
            throw Fields.unsupported(
                    item.path("type"),
                    item.path("type")
                            + " is "
                            + Fields.shown(type)
                            + ", supported are message, function_call and function_call_output");
        }
        item.end();
        messages.add(new Message(message));
    }

    private void endCalls() {
        if (!calls.isEmpty()) {
            Map<String, @Nullable Object> message = new LinkedHashMap<>();
            message.put("role", "assistant");
            message.put("content", "");
            message.put("tool_calls", calls);
            messages.add(new Message(message));
            calls = new ArrayList<>();
        }
    }
}

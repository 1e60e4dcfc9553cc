/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.tests.notebooks;

import com.google.gson.JsonArray;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import io.github.djlmistral.tests.notebooks.KernelChannel.Message;
import java.util.Map;

/**
 * Collects the messages that a kernel publishes for a cell as the outputs that a notebook stores.
 */
final class CellOutputs {

    private final JsonArray outputs = new JsonArray();

    /** Adds an output; messages of other types are ignored. */
    void add(Message message) {
        JsonObject content = message.content();
        switch (message.type()) {
            case "stream" -> addStream(message.string("name"), message.string("text"));
            case "display_data" -> outputs.add(output(message, "data", "metadata"));
            case "execute_result" ->
                    outputs.add(output(message, "data", "metadata", "execution_count"));
            case "error" -> outputs.add(output(message, "ename", "evalue", "traceback"));
            default -> {}
        }
        if (content.has("data")) {
            split(content.getAsJsonObject("data"));
        }
    }

    /** Text that follows text of the same stream continues it. */
    private void addStream(String name, String text) {
        JsonObject last =
                outputs.isEmpty() ? null : outputs.get(outputs.size() - 1).getAsJsonObject();
        if (last != null && last.has("name") && last.get("name").getAsString().equals(name)) {
            last.add("text", Notebook.lines(Notebook.joined(last.get("text")) + text));
            return;
        }
        JsonObject stream = new JsonObject();
        stream.addProperty("output_type", "stream");
        stream.addProperty("name", name);
        stream.add("text", Notebook.lines(text));
        outputs.add(stream);
    }

    private static JsonObject output(Message message, String... fields) {
        JsonObject output = new JsonObject();
        output.addProperty("output_type", message.type());
        for (String field : fields) {
            output.add(field, message.content().get(field));
        }
        return output;
    }

    /** Texts are stored as lists of lines, images as one string. */
    private static void split(JsonObject data) {
        for (Map.Entry<String, JsonElement> entry : data.entrySet()) {
            if (entry.getKey().startsWith("text/") && entry.getValue().isJsonPrimitive()) {
                entry.setValue(Notebook.lines(entry.getValue().getAsString()));
            }
        }
    }

    JsonArray json() {
        return outputs;
    }
}

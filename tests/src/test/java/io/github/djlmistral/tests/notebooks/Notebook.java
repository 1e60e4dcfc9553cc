/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.tests.notebooks;

import com.google.gson.Gson;
import com.google.gson.GsonBuilder;
import com.google.gson.JsonArray;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import com.google.gson.stream.JsonWriter;
import java.io.IOException;
import java.io.StringWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.TreeMap;
import java.util.stream.Stream;
import java.util.stream.StreamSupport;

/** A Jupyter notebook ({@code nbformat} 4.5), written as {@code nbformat} itself writes it. */
final class Notebook {

    /**
     * The tag of the one cell with magics. It is not run: the kernel has the class path already.
     */
    static final String SETUP = "setup";

    /** The tag of cells whose text differs from run to run, such as timings. */
    static final String VARIES = "varies";

    private static final Path FOLDER = Path.of("..", "examples", "notebooks");
    private static final Gson GSON =
            new GsonBuilder().disableHtmlEscaping().serializeNulls().create();

    private final Path file;
    private final JsonObject json;

    private Notebook(Path file, JsonObject json) {
        this.file = file;
        this.json = json;
    }

    /** All notebooks of the examples, in their order. */
    static List<Notebook> all() throws IOException {
        try (Stream<Path> files = Files.list(FOLDER)) {
            return files.filter(file -> file.toString().endsWith(".ipynb"))
                    .sorted()
                    .map(Notebook::read)
                    .toList();
        }
    }

    private static Notebook read(Path file) {
        try {
            return new Notebook(
                    file, JsonParser.parseString(Files.readString(file)).getAsJsonObject());
        } catch (IOException e) {
            throw new java.io.UncheckedIOException(e);
        }
    }

    JsonObject json() {
        return json;
    }

    List<Cell> cells() {
        return StreamSupport.stream(json.getAsJsonArray("cells").spliterator(), false)
                .map(cell -> new Cell(cell.getAsJsonObject()))
                .toList();
    }

    /** The cells of Java code, without the set-up cell. */
    List<Cell> javaCells() {
        return cells().stream().filter(cell -> cell.isCode() && !cell.hasTag(SETUP)).toList();
    }

    /** The text of the file, whoever wrote it: keys sorted, one space a level. */
    String text() throws IOException {
        StringWriter text = new StringWriter();
        JsonWriter writer = new JsonWriter(text);
        writer.setIndent(" ");
        writer.setHtmlSafe(false);
        GSON.toJson(sorted(json), writer);
        return text.append('\n').toString();
    }

    String storedText() throws IOException {
        return Files.readString(file);
    }

    void write() throws IOException {
        Files.writeString(file, text());
    }

    /** The file's name without its suffix. */
    String name() {
        return file.getFileName().toString().replace(".ipynb", "");
    }

    @Override
    public String toString() {
        return name();
    }

    private static JsonElement sorted(JsonElement element) {
        if (element instanceof JsonObject object) {
            JsonObject result = new JsonObject();
            new TreeMap<>(object.asMap()).forEach((key, value) -> result.add(key, sorted(value)));
            return result;
        }
        if (element instanceof JsonArray array) {
            JsonArray result = new JsonArray();
            array.forEach(value -> result.add(sorted(value)));
            return result;
        }
        return element;
    }

    /** A text as notebooks store it: a string, or a list of lines with their ends. */
    static String joined(JsonElement text) {
        if (text.isJsonPrimitive()) {
            return text.getAsString();
        }
        StringBuilder joined = new StringBuilder();
        text.getAsJsonArray().forEach(line -> joined.append(line.getAsString()));
        return joined.toString();
    }

    /** The list of lines that {@link #joined} joins. */
    static JsonArray lines(String text) {
        JsonArray lines = new JsonArray();
        for (int start = 0; start < text.length(); ) {
            int end = text.indexOf('\n', start) + 1;
            end = end == 0 ? text.length() : end;
            lines.add(text.substring(start, end));
            start = end;
        }
        return lines;
    }

    /** A cell; changes go to the notebook. */
    record Cell(JsonObject json) {

        boolean isCode() {
            return "code".equals(json.get("cell_type").getAsString());
        }

        String source() {
            return joined(json.get("source"));
        }

        boolean hasTag(String tag) {
            JsonArray tags = json.getAsJsonObject("metadata").getAsJsonArray("tags");
            return tags != null && tags.contains(GSON.toJsonTree(tag));
        }

        JsonArray outputs() {
            return json.getAsJsonArray("outputs");
        }

        void store(int executionCount, JsonArray outputs) {
            json.addProperty("execution_count", executionCount);
            json.add("outputs", outputs);
        }
    }
}

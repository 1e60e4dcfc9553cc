/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.examples.training;

import java.io.IOException;
import java.io.StringReader;
import java.nio.charset.MalformedInputException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Collectors;
import org.yaml.snakeyaml.LoaderOptions;
import org.yaml.snakeyaml.Yaml;
import org.yaml.snakeyaml.error.MarkedYAMLException;
import org.yaml.snakeyaml.nodes.MappingNode;
import org.yaml.snakeyaml.nodes.Node;
import org.yaml.snakeyaml.nodes.NodeTuple;
import org.yaml.snakeyaml.nodes.ScalarNode;
import org.yaml.snakeyaml.nodes.SequenceNode;
import org.yaml.snakeyaml.nodes.Tag;

/**
 * The keys of a YAML file and their values as text. Scalars are not converted: YAML 1.1 would read
 * {@code eval_strategy: no} as false, and {@code 2e-5} as text.
 */
final class RecipeFile {

    private final Path file;
    private final Map<String, Node> values = new LinkedHashMap<>();

    private RecipeFile(Path file) {
        this.file = file;
    }

    /**
     * Reads a file.
     *
     * @param renamed present names by former ones
     * @throws IOException if the file cannot be read
     * @throws IllegalArgumentException if it is not a YAML mapping without duplicate keys
     */
    static RecipeFile read(Path file, Map<String, String> renamed) throws IOException {
        RecipeFile recipe = new RecipeFile(file);
        Node root;
        try {
            root = new Yaml(new LoaderOptions()).compose(new StringReader(Files.readString(file)));
        } catch (MalformedInputException e) {
            throw new IllegalArgumentException(file + ": it is not UTF-8", e);
        } catch (MarkedYAMLException e) {
            throw new IllegalArgumentException(
                    file
                            + (e.getProblemMark() == null
                                    ? ""
                                    : ", line " + (e.getProblemMark().getLine() + 1))
                            + ": it is not valid YAML: "
                            + e.getProblem(),
                    e);
        }
        if (!(root instanceof MappingNode mapping)) {
            throw new IllegalArgumentException(
                    file + ": it has no keys: a recipe has lines such as learning_rate: 2.0e-05");
        }
        for (NodeTuple tuple : mapping.getValue()) {
            String name =
                    tuple.getKeyNode() instanceof ScalarNode key
                            ? key.getValue()
                            : String.valueOf(tuple.getKeyNode().getTag());
            String key = renamed.getOrDefault(name, name);
            if (recipe.values.put(key, tuple.getValueNode()) != null) {
                throw recipe.error(key, key + " is given twice");
            }
        }
        return recipe;
    }

    Set<String> keys() {
        return values.keySet();
    }

    /** Returns the value of a key, the elements of a list with commas between; empty if null. */
    Optional<String> text(String key) {
        Node value = values.get(key);
        if (value instanceof SequenceNode list) {
            List<String> elements =
                    list.getValue().stream().map(item -> scalar(key, item).orElse("")).toList();
            return elements.isEmpty()
                    ? Optional.empty()
                    : Optional.of(elements.stream().collect(Collectors.joining(",")));
        }
        return value == null ? Optional.empty() : scalar(key, value);
    }

    private Optional<String> scalar(String key, Node value) {
        if (!(value instanceof ScalarNode scalar)) {
            throw error(key, key + " must be a value or a list of values");
        }
        if (scalar.getTag().equals(Tag.NULL)) {
            return Optional.empty();
        }
        String text = scalar.getValue();
        String lower = text.toLowerCase(Locale.ROOT);
        boolean flag = scalar.isPlain() && (lower.equals("true") || lower.equals("false"));
        return Optional.of(flag ? lower : text);
    }

    /** Returns a value that is true or false, false if it is absent. */
    boolean flag(String key) {
        String text = text(key).orElse("false");
        if (!text.equals("true") && !text.equals("false")) {
            throw error(key, key + " is " + text + ", must be true or false");
        }
        return text.equals("true");
    }

    /** Creates the error for a value, with its line. */
    IllegalArgumentException error(String key, String message) {
        Node value = values.get(key);
        String line = value == null ? "" : ", line " + (value.getStartMark().getLine() + 1);
        return new IllegalArgumentException(file + line + ": " + message);
    }

    /** Creates an error. */
    IllegalArgumentException error(String message) {
        return new IllegalArgumentException(file + ": " + message);
    }
}

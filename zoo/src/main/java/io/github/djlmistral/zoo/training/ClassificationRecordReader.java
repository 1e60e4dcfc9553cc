/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.zoo.training;

import io.github.djlmistral.engine.internal.Quote;
import io.github.djlmistral.engine.model.LabelConfig;
import io.github.djlmistral.engine.model.LabelConfig.ProblemType;
import io.github.djlmistral.engine.training.LabeledSequence;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.TreeSet;
import java.util.function.Consumer;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/**
 * Converts records {@code {"text": .., "label": ..}} of classified texts; other keys are ignored.
 * In place of a text there may be {@code input_ids}, and in place of a label {@code labels}.
 *
 * <ul>
 *   <li>Classes that exclude each other: the label is the name or the index of a class.
 *   <li>Independent classes: the names of those that apply, {@code ["sea", "storm"]}, or a number
 *       for each class, {@code [1, 0, 0, 1]}.
 *   <li>Regression: a number, or a number for each output.
 * </ul>
 *
 * <p>The ids are those that the model gets when it classifies the text. Thread-safe.
 */
public final class ClassificationRecordReader implements RecordReader<LabeledSequence> {

    private final TrainingTokenizer tokenizer;
    private final LabelConfig labels;
    private final int maxLength;

    /**
     * Creates a reader.
     *
     * @param tokenizer the tokenizer of the model
     * @param labels the classes of the model
     * @param maxLength the most tokens of a text, from which the end is cut; positive
     */
    public ClassificationRecordReader(
            TrainingTokenizer tokenizer, LabelConfig labels, int maxLength) {
        if (maxLength < 1) {
            throw new IllegalArgumentException("max_length is " + maxLength + ", must be positive");
        }
        this.tokenizer = tokenizer;
        this.labels = labels;
        this.maxLength = maxLength;
    }

    /**
     * Collects the classes of a file: the names that its labels have, in alphabetical order, or
     * {@code LABEL_0}, {@code LABEL_1} and so on if they are numbers. They are independent if the
     * labels are lists, otherwise they exclude each other.
     *
     * @param file the JSONL file
     * @return the classes, at least two
     * @throws IOException if the file cannot be read
     * @throws IllegalArgumentException if the labels are both names and numbers, or there are fewer
     *     than two classes
     */
    public static LabelConfig labels(Path file) throws IOException {
        TreeSet<String> names = new TreeSet<>();
        int numbered = 0;
        boolean lists = false;
        try (JsonLines lines = JsonLines.open(file)) {
            for (int i = 0; i < lines.size(); i++) {
                Object value;
                try {
                    Map<String, @Nullable Object> fields = lines.get(i);
                    value = fields.get(key(fields));
                } catch (IllegalArgumentException e) {
                    continue; // left out, and named, when the data is read
                }
                if (value instanceof List<?> list) {
                    lists = true;
                    if (list.stream().allMatch(Number.class::isInstance)) {
                        numbered = Math.max(numbered, list.size());
                    }
                    list.stream()
                            .filter(String.class::isInstance)
                            .forEach(name -> names.add((String) name));
                } else if (value instanceof String name) {
                    names.add(name);
                } else if (value instanceof Long index && index >= 0 && index < 1 << 20) {
                    numbered = Math.max(numbered, Math.toIntExact(index + 1));
                }
            }
        }
        if (!names.isEmpty() && numbered > 0) {
            throw new IllegalArgumentException(
                    file + ": some labels are names and some numbers: use one of them");
        }
        int count = names.size() + numbered;
        if (count < 2) {
            throw new IllegalArgumentException(
                    file
                            + ": its labels have "
                            + (count == 0 ? "no class" : "one class only")
                            + ", there must be at least two");
        }
        List<String> all =
                names.isEmpty() ? LabelConfig.ofSize(numbered).names() : List.copyOf(names);
        return new LabelConfig(
                all,
                lists
                        ? ProblemType.MULTI_LABEL_CLASSIFICATION
                        : ProblemType.SINGLE_LABEL_CLASSIFICATION);
    }

    /** Returns the key of the label. */
    private static String key(Map<String, ? extends @Nullable Object> fields) {
        return !Fields.has(fields, "label") && Fields.has(fields, "labels") ? "labels" : "label";
    }

    @Override
    public LabeledSequence read(Map<String, @Nullable Object> fields, Consumer<String> warnings) {
        return new LabeledSequence(ids(fields), targets(fields));
    }

    private long[] ids(Map<String, @Nullable Object> fields) {
        if (Fields.has(fields, "input_ids")) {
            long[] ids = tokenizer.ids(fields, "input_ids", false);
            if (ids.length == 0) {
                throw new IllegalArgumentException("\"input_ids\" is empty");
            }
            return ids.length <= maxLength ? ids : Arrays.copyOf(ids, maxLength);
        }
        String text = Fields.text(fields, "text");
        if (text.isEmpty()) {
            throw new IllegalArgumentException("\"text\" is empty");
        }
        return tokenizer.encodePlain(text, maxLength);
    }

    private float[] targets(Map<String, @Nullable Object> fields) {
        Object value = fields.get(key(fields));
        float[] targets = new float[labels.size()];
        switch (labels.problemTypeOrDefault()) {
            case SINGLE_LABEL_CLASSIFICATION -> targets[index(fields, value)] = 1;
            case MULTI_LABEL_CLASSIFICATION -> {
                if (!(value instanceof List<?> list)) {
                    throw Fields.unexpected(fields, key(fields), "a list of classes");
                }
                if (list.isEmpty() || list.get(0) instanceof String) {
                    list.forEach(name -> targets[index(fields, name)] = 1);
                } else {
                    numbers(fields, list, targets);
                    if (IntStream.range(0, targets.length)
                            .anyMatch(i -> targets[i] < 0 || targets[i] > 1)) {
                        throw Fields.unexpected(fields, key(fields), "numbers from 0 to 1");
                    }
                }
            }
            case REGRESSION ->
                    numbers(fields, value instanceof List<?> list ? list : oneOf(value), targets);
        }
        return targets;
    }

    private static List<?> oneOf(@Nullable Object value) {
        return value == null ? List.of() : List.of(value);
    }

    private void numbers(Map<String, @Nullable Object> fields, List<?> values, float[] targets) {
        if (values.size() != targets.length
                || !values.stream().allMatch(Number.class::isInstance)) {
            throw Fields.unexpected(
                    fields,
                    key(fields),
                    targets.length == 1 ? "a number" : targets.length + " numbers");
        }
        for (int i = 0; i < targets.length; i++) {
            targets[i] = ((Number) values.get(i)).floatValue();
        }
    }

    private int index(Map<String, @Nullable Object> fields, @Nullable Object value) {
        int index = -1;
        if (value instanceof String name) {
            index = labels.names().indexOf(name);
        } else if (value instanceof Long number && number >= 0 && number < labels.size()) {
            index = number.intValue();
        }
        if (index < 0) {
            throw Fields.unexpected(
                    fields,
                    key(fields),
                    "one of "
                            + Quote.shorten(labels.names().toString())
                            + " or an index from 0 to "
                            + (labels.size() - 1));
        }
        return index;
    }

    @Override
    public int tokens(LabeledSequence text) {
        return text.ids().length;
    }
}

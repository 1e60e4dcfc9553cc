/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.zoo.training;

import io.github.djlmistral.engine.internal.Quote;
import io.github.djlmistral.engine.model.LabelConfig;
import java.util.Map;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * Converts records {@code {"text": .., "label": ..}} of classified texts. The label is the name or
 * the index of a class; other keys are ignored. The ids are those that the model gets when it
 * classifies the text.
 *
 * <p>Thread-safe.
 */
public final class ClassificationRecordReader implements RecordReader<LabeledText> {

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

    @Override
    public LabeledText read(Map<String, @Nullable Object> fields, Consumer<String> warnings) {
        String text = Fields.text(fields, "text");
        if (text.isEmpty()) {
            throw new IllegalArgumentException("\"text\" is empty");
        }
        int label = label(fields);
        return new LabeledText(tokenizer.encodePlain(text, maxLength), label);
    }

    private int label(Map<String, @Nullable Object> fields) {
        Object value = fields.get("label");
        int index = -1;
        if (value instanceof String name) {
            index = labels.names().indexOf(name);
        } else if (value instanceof Long number && number >= 0 && number < labels.size()) {
            index = number.intValue();
        }
        if (index < 0) {
            throw Fields.unexpected(
                    fields,
                    "label",
                    "one of "
                            + Quote.shorten(labels.names().toString())
                            + " or an index from 0 to "
                            + (labels.size() - 1));
        }
        return index;
    }

    @Override
    public int tokens(LabeledText text) {
        return text.ids().length;
    }
}

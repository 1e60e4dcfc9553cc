/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.spark;

import ai.djl.modality.Classifications;
import io.github.djlmistral.zoo.chat.ChatInput;
import io.github.djlmistral.zoo.chat.ChatOutput;
import io.github.djlmistral.zoo.chat.Message;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Function;
import java.util.function.Predicate;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.RowFactory;
import org.apache.spark.sql.types.ArrayType;
import org.apache.spark.sql.types.DataType;
import org.apache.spark.sql.types.DataTypes;
import org.apache.spark.sql.types.StructType;

/**
 * What a model does with a row: the types that DJL's criteria ask for, and how cells are converted
 * to them.
 *
 * @param name the value of the parameter {@code task}
 * @param input the input type of the model
 * @param output the output type of the model
 * @param inputTypes describes the accepted types of the input column
 * @param accepts whether a column of this type can be the input
 * @param outputType type of the output column
 * @param reader converts the cell at an index of a row, which is not null
 * @param writer converts an output of the model to a cell
 * @param <I> the input type
 * @param <O> the output type
 */
record Task<I, O>(
        String name,
        Class<I> input,
        Class<O> output,
        String inputTypes,
        Predicate<DataType> accepts,
        DataType outputType,
        Reader<I> reader,
        Function<O, Object> writer) {

    static final String COMPLETE = "complete";

    private static final StructType CLASSES =
            new StructType()
                    .add("label", DataTypes.StringType)
                    .add("probability", DataTypes.DoubleType)
                    .add(
                            "probabilities",
                            DataTypes.createMapType(
                                    DataTypes.StringType, DataTypes.DoubleType, false));

    private static final List<Task<?, ?>> ALL =
            List.of(
                    ofTexts(COMPLETE, String.class, DataTypes.StringType, text -> text),
                    new Task<>(
                            "chat",
                            ChatInput.class,
                            ChatOutput.class,
                            "string or array<struct<role: string, content: string>>",
                            type -> type.equals(DataTypes.StringType) || isConversation(type),
                            DataTypes.StringType,
                            new Reader<>(Task::conversation, Task::length),
                            ChatOutput::content),
                    ofTexts(
                            "embed",
                            float[].class,
                            DataTypes.createArrayType(DataTypes.FloatType, false),
                            vector -> vector),
                    ofTexts("classify", Classifications.class, CLASSES, Task::classes));

    /**
     * How inputs are read.
     *
     * @param read reads the cell at an index of a row
     * @param length the length of an input in characters, by which rows are sorted into batches
     */
    record Reader<I>(Read<I> read, Function<I, Integer> length) {}

    /** Reads a cell. */
    @FunctionalInterface
    interface Read<I> {

        /**
         * Reads a cell that is not null.
         *
         * @throws IllegalArgumentException if the model cannot have such an input
         */
        I read(Row row, int column);
    }

    private static <O> Task<String, O> ofTexts(
            String name, Class<O> output, DataType outputType, Function<O, Object> writer) {
        return new Task<>(
                name,
                String.class,
                output,
                "string",
                DataTypes.StringType::equals,
                outputType,
                new Reader<>(Row::getString, String::length),
                writer);
    }

    /**
     * Returns the task of a name.
     *
     * @throws IllegalArgumentException if there is none; the message lists them
     */
    static Task<?, ?> of(String name) {
        return ALL.stream()
                .filter(task -> task.name.equals(name))
                .findFirst()
                .orElseThrow(
                        () ->
                                new IllegalArgumentException(
                                        "there is no task '"
                                                + name
                                                + "': set task to one of "
                                                + ALL.stream().map(Task::name).toList()));
    }

    /** Accepts further fields, and fields that may be null or not. */
    private static boolean isConversation(DataType type) {
        return type instanceof ArrayType array
                && array.elementType() instanceof StructType message
                && List.of(message.fieldNames()).containsAll(List.of("role", "content"))
                && message.apply("role").dataType().equals(DataTypes.StringType)
                && message.apply("content").dataType().equals(DataTypes.StringType);
    }

    private static ChatInput conversation(Row row, int column) {
        if (row.get(column) instanceof String text) {
            return new ChatInput(Message.user(text));
        }
        List<Message> messages = new ArrayList<>();
        for (Row message : row.<Row>getList(column)) {
            String role = message == null ? null : message.getAs("role");
            String content = message == null ? null : message.getAs("content");
            if (role == null || content == null) {
                throw new IllegalArgumentException(
                        "message "
                                + messages.size()
                                + " of the conversation has a null role or content: give both as"
                                + " strings");
            }
            messages.add(new Message(role, content));
        }
        return new ChatInput(messages, Map.of());
    }

    private static int length(ChatInput input) {
        return input.conversation().messages().stream()
                .map(Message::content)
                .mapToInt(content -> content == null ? 0 : content.length())
                .sum();
    }

    private static Row classes(Classifications classes) {
        Map<String, Double> probabilities = new HashMap<>();
        for (int i = 0; i < classes.getClassNames().size(); ++i) {
            probabilities.put(classes.getClassNames().get(i), classes.getProbabilities().get(i));
        }
        Classifications.Classification best = classes.best();
        return RowFactory.create(
                best.getClassName(),
                best.getProbability(),
                scala.jdk.javaapi.CollectionConverters.asScala(probabilities));
    }
}

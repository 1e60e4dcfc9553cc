/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.spark;

import com.google.gson.Gson;
import io.github.djlmistral.zoo.HubReference;
import io.github.djlmistral.zoo.Mistral;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import org.apache.spark.api.java.function.MapPartitionsFunction;
import org.apache.spark.ml.Transformer;
import org.apache.spark.ml.param.IntParam;
import org.apache.spark.ml.param.Param;
import org.apache.spark.ml.param.ParamMap;
import org.apache.spark.ml.param.ParamValidators;
import org.apache.spark.ml.util.DefaultParamsReader;
import org.apache.spark.ml.util.DefaultParamsWritable;
import org.apache.spark.ml.util.Identifiable;
import org.apache.spark.ml.util.MLReader;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Encoders;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.types.DataType;
import org.apache.spark.sql.types.DataTypes;
import org.apache.spark.sql.types.StructType;

/**
 * Runs a Mistral model over a column of a data set, as a stage of a pipeline.
 *
 * <pre>{@code
 * Dataset<Row> answers =
 *         new MistralTransformer()
 *                 .setModel("hf://mistralai/Mistral-7B-Instruct-v0.2?precision=int4")
 *                 .setInputCol("question")
 *                 .setOutputCol("answer")
 *                 .setOptions(Map.of("max_new_tokens", 64))
 *                 .transform(questions);
 * }</pre>
 *
 * <p>Two columns are appended: the output, and an error, of which at least one is null. A row that
 * the model rejects (such as an empty or too long text) gets an error, and the job goes on. A null
 * input gives a null output and no error. What is not a row's fault, such as a model that an
 * executor cannot load, fails the job.
 *
 * <p>Each executor loads the model once, however many tasks it runs, and closes it when no task has
 * used it for five minutes. Rows are sorted by length into batches and come out in their order.
 *
 * <p>The tasks, and the types of their columns:
 *
 * <table>
 * <caption>Tasks</caption>
 * <tr><th>task<th>input<th>output
 * <tr><td>{@code complete}<td>string: a user message, or a text to complete if the model has no
 *     chat template<td>string
 * <tr><td>{@code chat}<td>string: a user message; or array of struct of role and content: a
 *     conversation<td>string: the answer
 * <tr><td>{@code embed}<td>string<td>array of float
 * <tr><td>{@code classify}<td>string<td>struct of label (string), probability (double) and
 *     probabilities (map of string to double)
 * </table>
 */
public final class MistralTransformer extends Transformer implements DefaultParamsWritable {

    private static final long serialVersionUID = 1L;

    private final String uid;
    private final Param<String> model;
    private final Param<String> task;
    private final Param<String> inputCol;
    private final Param<String> outputCol;
    private final Param<String> errorCol;
    private final Param<String> options;
    private final IntParam batchSize;

    /** Creates a transformer with the default parameters. */
    public MistralTransformer() {
        this(Identifiable.randomUID("mistral"));
    }

    /**
     * Creates a transformer with a given id, as Spark does when it loads or copies one.
     *
     * @param uid unique in a pipeline
     */
    public MistralTransformer(String uid) {
        this.uid = uid;
        // not in initializers, which would run before the id is set
        model =
                new Param<>(
                        this,
                        "model",
                        "hf:// URL, absolute path of a checkpoint on every node, or name of the"
                                + " zoo");
        task = new Param<>(this, "task", "complete, chat, embed or classify");
        inputCol = new Param<>(this, "inputCol", "input column");
        outputCol = new Param<>(this, "outputCol", "output column");
        errorCol = new Param<>(this, "errorCol", "column of error messages");
        options = new Param<>(this, "options", "model arguments, a JSON object");
        batchSize =
                new IntParam(
                        this,
                        "batchSize",
                        "the most rows that are predicted together",
                        ParamValidators.gtEq(1));
        setDefault(model, Mistral.DEFAULT_MODEL);
        setDefault(task, Task.COMPLETE);
        setDefault(inputCol, "text");
        setDefault(outputCol, "output");
        setDefault(errorCol, "error");
        setDefault(options, "{}");
        setDefault(batchSize, 32);
    }

    /**
     * Reads a transformer that was saved with {@code write()}.
     *
     * @return a reader
     */
    public static MLReader<MistralTransformer> read() {
        return new DefaultParamsReader<>();
    }

    /**
     * Reads a transformer that was saved with {@code save}.
     *
     * @param path where it was saved
     * @return the transformer
     */
    public static MistralTransformer load(String path) {
        return read().load(path);
    }

    @Override
    public String uid() {
        return uid;
    }

    /** Returns the parameter {@code model}, see {@link #setModel}. */
    public Param<String> model() {
        return model;
    }

    /** Returns the parameter {@code task}, see {@link #setTask}. */
    public Param<String> task() {
        return task;
    }

    /** Returns the parameter {@code inputCol}, see {@link #setInputCol}. */
    public Param<String> inputCol() {
        return inputCol;
    }

    /** Returns the parameter {@code outputCol}, see {@link #setOutputCol}. */
    public Param<String> outputCol() {
        return outputCol;
    }

    /** Returns the parameter {@code errorCol}, see {@link #setErrorCol}. */
    public Param<String> errorCol() {
        return errorCol;
    }

    /** Returns the parameter {@code options}, a JSON object, see {@link #setOptions}. */
    public Param<String> options() {
        return options;
    }

    /** Returns the parameter {@code batchSize}, see {@link #setBatchSize}. */
    public IntParam batchSize() {
        return batchSize;
    }

    /**
     * Sets the model; default {@value Mistral#DEFAULT_MODEL}, which is embedded in the zoo's jar.
     *
     * @param value a URL as {@link HubReference#parse} takes it, beginning with {@code hf://}; the
     *     absolute path of a checkpoint directory or GGUF file, which must exist on every node; or
     *     the name of a model of the zoo, {@code NAME[:PRECISION]}
     * @return this transformer
     */
    public MistralTransformer setModel(String value) {
        set(model, value);
        return this;
    }

    /**
     * Sets the task; default {@code complete}.
     *
     * @param value {@code complete}, {@code chat}, {@code embed} or {@code classify}
     * @return this transformer
     */
    public MistralTransformer setTask(String value) {
        set(task, value);
        return this;
    }

    /**
     * Sets the input column; default {@code text}.
     *
     * @param value name of an existing column
     * @return this transformer
     */
    public MistralTransformer setInputCol(String value) {
        set(inputCol, value);
        return this;
    }

    /**
     * Sets the output column; default {@code output}.
     *
     * @param value name of a new column
     * @return this transformer
     */
    public MistralTransformer setOutputCol(String value) {
        set(outputCol, value);
        return this;
    }

    /**
     * Sets the column of error messages, which are null for rows with an output; default {@code
     * error}.
     *
     * @param value name of a new column
     * @return this transformer
     */
    public MistralTransformer setErrorCol(String value) {
        set(errorCol, value);
        return this;
    }

    /**
     * Sets the model arguments and generation options, see {@link Mistral}; default none.
     *
     * @param values such as {@code max_new_tokens} or {@code quantization}; strings, numbers,
     *     booleans and lists of these
     * @return this transformer
     */
    public MistralTransformer setOptions(Map<String, ?> values) {
        set(options, new Gson().toJson(values));
        return this;
    }

    /**
     * Sets how many rows are predicted together; default 32. More are faster and take more memory.
     *
     * @param value at least 1
     * @return this transformer
     */
    public MistralTransformer setBatchSize(int value) {
        set(batchSize, value);
        return this;
    }

    /**
     * Checks the parameters against a schema.
     *
     * @param schema of the input
     * @return the schema with output and error column appended
     * @throws IllegalArgumentException if the input column is missing or of another type, a column
     *     of the name of the output or error column exists, or the model, the task or an option is
     *     unknown
     */
    @Override
    public StructType transformSchema(StructType schema) {
        Task<?, ?> checked = spec().check();
        String input = getOrDefault(inputCol);
        List<String> columns = List.of(schema.fieldNames());
        if (!columns.contains(input)) {
            throw new IllegalArgumentException(
                    "there is no column '" + input + "': set inputCol to one of " + columns);
        }
        DataType type = schema.apply(input).dataType();
        if (!checked.accepts().test(type)) {
            throw new IllegalArgumentException(
                    "the column '"
                            + input
                            + "' is of type "
                            + type.simpleString()
                            + ", but the task "
                            + checked.name()
                            + " takes "
                            + checked.inputTypes()
                            + ": cast it, or set inputCol to another column");
        }
        return append(
                append(schema, "outputCol", getOrDefault(outputCol), checked.outputType()),
                "errorCol",
                getOrDefault(errorCol),
                DataTypes.StringType);
    }

    private static StructType append(
            StructType schema, String parameter, String column, DataType type) {
        if (List.of(schema.fieldNames()).contains(column)) {
            throw new IllegalArgumentException(
                    "there is a column '"
                            + column
                            + "' already: set "
                            + parameter
                            + " to another name");
        }
        return schema.add(column, type, true);
    }

    @Override
    public Dataset<Row> transform(Dataset<?> dataset) {
        StructType schema = transformSchema(dataset.schema());
        Partitions partitions =
                new Partitions(
                        spec(),
                        dataset.schema().fieldIndex(getOrDefault(inputCol)),
                        (Integer) getOrDefault(batchSize));
        return dataset.toDF().mapPartitions(partitions, Encoders.row(schema));
    }

    private ModelSpec spec() {
        return new ModelSpec(getOrDefault(model), getOrDefault(task), getOrDefault(options));
    }

    @Override
    public MistralTransformer copy(ParamMap extra) {
        return defaultCopy(extra);
    }

    /** What is sent to the executors. */
    private record Partitions(ModelSpec spec, int column, int batchSize)
            implements MapPartitionsFunction<Row, Row> {

        @Override
        public Iterator<Row> call(Iterator<Row> rows) {
            return predict(rows, Task.of(spec.task()));
        }

        private <I, O> Iterator<Row> predict(Iterator<Row> rows, Task<I, O> task) {
            return new PredictedRows<>(rows, spec, task, column, batchSize);
        }
    }
}

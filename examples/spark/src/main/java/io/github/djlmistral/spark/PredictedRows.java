/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.spark;

import ai.djl.inference.Predictor;
import ai.djl.repository.zoo.ZooModel;
import ai.djl.translate.TranslateException;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.Iterator;
import java.util.List;
import java.util.Queue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.apache.spark.TaskContext;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.RowFactory;
import org.jspecify.annotations.Nullable;

/**
 * The rows of a partition with output and error appended, in their order. Pulls some rows at a time
 * and sorts them by length into batches.
 *
 * <p>{@code show()} and {@code limit(n)} read only the first rows of a partition. Therefore the
 * first window is one batch, and each further one is twice as long, up to {@value #MOST_BATCHES}
 * batches.
 *
 * @param <I> the input type of the model
 * @param <O> its output type
 */
final class PredictedRows<I, O> implements Iterator<Row> {

    /** The models of this JVM. */
    static final SharedModels<ModelSpec, ZooModel<?, ?>> MODELS =
            new SharedModels<>(
                    ModelSpec::load,
                    Duration.ofMinutes(5),
                    (task, delay) ->
                            CompletableFuture.delayedExecutor(
                                            delay.toMillis(), TimeUnit.MILLISECONDS)
                                    .execute(task));

    private static final int MOST_BATCHES = 16;

    private final Iterator<Row> rows;
    private final ModelSpec spec;
    private final Task<I, O> task;
    private final int column;
    private final int batchSize;
    private final Queue<Row> ready = new ArrayDeque<>();
    private int window;
    private @Nullable Predictor<I, O> predictor;

    /**
     * Creates the iterator of a partition.
     *
     * @param rows the rows of the partition
     * @param spec the model
     * @param task what it does
     * @param column index of the input column
     * @param batchSize the most rows of a forward pass
     */
    PredictedRows(Iterator<Row> rows, ModelSpec spec, Task<I, O> task, int column, int batchSize) {
        this.rows = rows;
        this.spec = spec;
        this.task = task;
        this.column = column;
        this.batchSize = batchSize;
        window = batchSize;
    }

    /** A row, and what becomes of it. */
    private final class Item {

        private final Row row;
        private @Nullable I input;
        private @Nullable Object output;
        private @Nullable String error;

        Item(Row row) {
            this.row = row;
            try {
                input = row.isNullAt(column) ? null : task.reader().read().read(row, column);
            } catch (IllegalArgumentException e) {
                error = e.getMessage();
            }
        }

        int length() {
            return input == null ? 0 : task.reader().length().apply(input);
        }

        Row finished() {
            int size = row.size();
            @Nullable Object[] cells = new Object[size + 2];
            for (int i = 0; i < size; ++i) {
                cells[i] = row.get(i);
            }
            cells[size] = output;
            cells[size + 1] = error;
            return RowFactory.create(cells);
        }
    }

    @Override
    public boolean hasNext() {
        return !ready.isEmpty() || rows.hasNext();
    }

    @Override
    public Row next() {
        if (ready.isEmpty()) {
            List<Item> items = new ArrayList<>();
            items.add(new Item(rows.next()));
            while (items.size() < window && rows.hasNext()) {
                items.add(new Item(rows.next()));
            }
            window = Math.min(2 * window, MOST_BATCHES * batchSize);
            predict(items);
            items.forEach(item -> ready.add(item.finished()));
        }
        return ready.remove();
    }

    private void predict(List<Item> items) {
        List<Item> sorted =
                items.stream()
                        .filter(item -> item.input != null)
                        .sorted(Comparator.comparingInt(Item::length))
                        .toList();
        for (int from = 0; from < sorted.size(); from += batchSize) {
            predictBatch(sorted.subList(from, Math.min(sorted.size(), from + batchSize)));
        }
    }

    /** Predicts a batch. If an input is rejected, halves are tried, down to the rejected input. */
    private void predictBatch(List<Item> batch) {
        List<I> inputs = new ArrayList<>();
        for (Item item : batch) {
            if (item.input != null) {
                inputs.add(item.input);
            }
        }
        try {
            List<O> outputs = predictor().batchPredict(inputs);
            for (int i = 0; i < batch.size(); ++i) {
                batch.get(i).output = task.writer().apply(outputs.get(i));
            }
        } catch (TranslateException e) {
            if (!isFaultOfInput(e)) {
                throw new IllegalStateException(
                        "the model " + spec.model() + " failed: " + e.getMessage(), e);
            }
            int size = batch.size();
            if (size == 1) {
                batch.get(0).error = e.getCause() == null ? "" : e.getCause().getMessage();
            } else {
                predictBatch(batch.subList(0, size / 2));
                predictBatch(batch.subList(size / 2, size));
            }
        }
    }

    /**
     * Returns whether the input was rejected or the model computed NaN for it. An interrupt or a
     * lack of memory is not the input's fault.
     */
    private static boolean isFaultOfInput(TranslateException e) {
        return e.getCause() instanceof IllegalArgumentException
                || e.getCause() instanceof IllegalStateException;
    }

    /** Waits for the model; not called for a partition without inputs. */
    @SuppressWarnings("unchecked") // the spec names the task
    private Predictor<I, O> predictor() {
        if (predictor == null) {
            SharedModels<ModelSpec, ZooModel<?, ?>>.Lease lease;
            try {
                lease = MODELS.lease(spec);
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
                throw new IllegalStateException(
                        "the task was interrupted while another one loaded " + spec.model(), e);
            }
            Predictor<I, O> created = ((ZooModel<I, O>) lease.model()).newPredictor();
            TaskContext.get()
                    .addTaskCompletionListener(
                            context -> {
                                created.close();
                                lease.close();
                            });
            predictor = created;
        }
        return predictor;
    }
}

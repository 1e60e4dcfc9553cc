/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.zoo.training;

import io.github.djlmistral.engine.model.TrainingSequence;
import io.github.djlmistral.engine.training.TrainingData;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Deque;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.TreeMap;
import java.util.stream.Collectors;
import java.util.stream.IntStream;

/**
 * Sequences packed into rows of at most so many tokens: best fit decreasing, as trl's {@code
 * packing_strategy="bfd"}. Sequences are not cut, and a row is a list of them, because a forward
 * pass keeps the sequences of a row apart.
 *
 * <p>Thread-safe.
 *
 * @see <a href="https://arxiv.org/abs/2404.10830">Ding et al.: Fewer Truncations Improve Language
 *     Modeling</a>
 */
public final class PackedDataset implements TrainingData<List<TrainingSequence>> {

    private final JsonlDataset<TrainingSequence> data;
    private final int maxLength;

    /** The examples of each row. */
    private final int[][] rows;

    /** A row that is being filled. */
    private static final class Row {
        private int[] examples = new int[4];
        private int size;

        void add(int example) {
            if (size == examples.length) {
                examples = Arrays.copyOf(examples, 2 * size);
            }
            examples[size++] = example;
        }
    }

    /**
     * Packs the sequences of a data set.
     *
     * @param data the sequences; it is not closed by this class
     * @param maxLength the most tokens of a row, at least those of the longest sequence
     * @throws IllegalArgumentException if a sequence has more tokens than a row
     */
    public PackedDataset(JsonlDataset<TrainingSequence> data, int maxLength) {
        this.data = data;
        this.maxLength = maxLength;
        rows = pack();
    }

    /**
     * Puts each sequence, the longest first, into the row with the least room that it fits into; of
     * rows with equal room into the one that has had it longest, and of sequences of equal length
     * first the one that comes first.
     */
    private int[][] pack() {
        List<Row> packed = new ArrayList<>();
        TreeMap<Integer, Deque<Row>> byRoom = new TreeMap<>();
        for (int example : longestFirst()) {
            int length = data.tokens(example);
            Map.Entry<Integer, Deque<Row>> fit = byRoom.ceilingEntry(length);
            Row row;
            int room = maxLength;
            if (fit == null) {
                row = new Row();
                packed.add(row);
            } else {
                room = fit.getKey();
                row = fit.getValue().remove();
                if (fit.getValue().isEmpty()) {
                    byRoom.remove(room);
                }
            }
            row.add(example);
            if (room > length) {
                byRoom.computeIfAbsent(room - length, key -> new ArrayDeque<>()).add(row);
            }
        }
        return packed.stream()
                .map(row -> Arrays.copyOf(row.examples, row.size))
                .toArray(int[][]::new);
    }

    /** Returns the indices of the examples, sorted by counting, which keeps the order of equals. */
    private int[] longestFirst() {
        int[] begins = new int[maxLength + 2];
        for (int i = 0; i < data.size(); i++) {
            int length = data.tokens(i);
            if (length > maxLength) {
                throw new IllegalArgumentException(
                        data.name(i)
                                + " has "
                                + length
                                + " tokens, over the length of a row, "
                                + maxLength
                                + ": truncate sequences to it");
            }
            begins[maxLength - length + 1]++;
        }
        Arrays.parallelPrefix(begins, Integer::sum);
        int[] sorted = new int[data.size()];
        for (int i = 0; i < sorted.length; i++) {
            sorted[begins[maxLength - data.tokens(i)]++] = i;
        }
        return sorted;
    }

    /** Returns the number of rows. */
    @Override
    public int size() {
        return rows.length;
    }

    /** Returns the sequences of a row. */
    @Override
    public List<TrainingSequence> get(int index) {
        return Arrays.stream(rows[Objects.checkIndex(index, rows.length)])
                .mapToObj(data::get)
                .toList();
    }

    /** Returns where the first sequences of a row are from. */
    @Override
    public String name(int index) {
        int[] row = rows[Objects.checkIndex(index, rows.length)];
        String names =
                IntStream.of(row).limit(3).mapToObj(data::name).collect(Collectors.joining("; "));
        return row.length <= 3 ? names : names + " and " + (row.length - 3) + " more";
    }

    /**
     * Returns the examples of a row.
     *
     * @param index the index of the row
     * @return their indices in the data set, in the order of the row
     */
    public int[] examples(int index) {
        return rows[Objects.checkIndex(index, rows.length)].clone();
    }
}

/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.examples.cli;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Stream;
import picocli.CommandLine.ITypeConverter;
import picocli.CommandLine.TypeConversionException;

/**
 * Rows of integers, written as {@code 5,6,7;8,9}.
 *
 * @param list the rows
 */
record Rows(List<long[]> list) {

    int count() {
        return list.size();
    }

    /** Whether all rows have the same length. */
    boolean rectangular() {
        return list.stream().mapToInt(row -> row.length).distinct().count() <= 1;
    }

    /** Whether the other has rows of the same lengths. */
    boolean fits(Rows other) {
        return lengths().equals(other.lengths());
    }

    private List<Integer> lengths() {
        return list.stream().map(row -> row.length).toList();
    }

    /** Returns all numbers, row by row. */
    long[] flat() {
        return list.stream().flatMapToLong(Arrays::stream).toArray();
    }

    /** Parses rows. */
    static final class Converter implements ITypeConverter<Rows> {

        @Override
        public Rows convert(String text) {
            List<long[]> rows = new ArrayList<>();
            for (String row : text.split(";", -1)) {
                try {
                    rows.add(
                            Stream.of(row.split(",", -1))
                                    .map(String::strip)
                                    .mapToLong(Long::parseLong)
                                    .toArray());
                } catch (NumberFormatException e) {
                    throw new TypeConversionException(
                            "'"
                                    + row
                                    + "' is not a row of integers: write them as 5,6,7 and put ;"
                                    + " between rows");
                }
            }
            return new Rows(rows);
        }
    }
}

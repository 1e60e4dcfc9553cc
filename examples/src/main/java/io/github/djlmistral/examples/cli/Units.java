/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.examples.cli;

import java.util.Locale;

/** Formats large numbers. */
final class Units {

    private Units() {}

    /** Returns bytes in powers of 1024, such as {@code 13.49 GiB}. */
    static String bytes(long bytes) {
        if (bytes < 1024) {
            return bytes + " B";
        }
        double value = bytes;
        int unit = -1;
        while (value >= 1024) {
            value /= 1024;
            ++unit;
        }
        return String.format(Locale.ROOT, "%.2f %ciB", value, "KMGTPE".charAt(unit));
    }

    /** Returns a count in powers of 1000, such as {@code 7.24 B}, as models are named. */
    static String count(long count) {
        if (count < 1000) {
            return Long.toString(count);
        }
        double value = count;
        int unit = -1;
        while (value >= 1000) {
            value /= 1000;
            ++unit;
        }
        return String.format(Locale.ROOT, "%.2f %c", value, "KMBTPE".charAt(unit));
    }
}

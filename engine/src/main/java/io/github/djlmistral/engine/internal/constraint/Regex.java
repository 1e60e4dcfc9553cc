/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.engine.internal.constraint;

import java.util.List;

/** A regular expression over code points, as parsed. */
public sealed interface Regex {

    /** The empty text. */
    Regex EMPTY = new Concat(List.of());

    /** Any character. */
    Regex CHARACTER = new Chars(CodePoints.ALL);

    /** Any text. */
    Regex ANY = new Repeat(CHARACTER, 0, Integer.MAX_VALUE);

    /** One character of a set. */
    record Chars(CodePoints set) implements Regex {}

    /** Expressions one after another. */
    record Concat(List<Regex> parts) implements Regex {}

    /** One of several expressions; none of the empty list. */
    record Union(List<Regex> options) implements Regex {}

    /** {@code min} to {@code max} times; {@code Integer.MAX_VALUE} is no bound. */
    record Repeat(Regex part, int min, int max) implements Regex {}

    /** What both match. */
    record Intersection(Regex left, Regex right) implements Regex {}

    /** What the left matches and the right does not. */
    record Difference(Regex left, Regex right) implements Regex {}
}

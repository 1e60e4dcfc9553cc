/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.engine.internal.constraint;

import org.jspecify.annotations.Nullable;

/** A state of the automaton of several terminals: what may follow in each. */
final class LexerState {

    /** What made this. */
    final Lexer lexer;

    /** A number of its own in its lexer. */
    final int id;

    /** The terminals that the bytes so far are the beginning of, ascending. */
    final int[] terminals;

    /** By terminal: what may follow, see {@link ByteRegexes}. */
    final int[] rest;

    /** The terminals that the bytes so far match. */
    final int[] matched;

    /** Whether any terminal can take another byte. */
    final boolean open;

    /** Bytes that lead to the same state. */
    final ByteGroups groups;

    /**
     * The next states by group of bytes, where known. Threads write equal values, and read what
     * they see: a state is safe to read however it was found.
     */
    final @Nullable LexerState[] next;

    LexerState(
            Lexer lexer,
            int id,
            int[] terminals,
            int[] rest,
            int[] matched,
            boolean open,
            ByteGroups groups) {
        this.lexer = lexer;
        this.id = id;
        this.terminals = terminals;
        this.rest = rest;
        this.matched = matched;
        this.open = open;
        this.groups = groups;
        next = new @Nullable LexerState[groups.count()];
    }
}

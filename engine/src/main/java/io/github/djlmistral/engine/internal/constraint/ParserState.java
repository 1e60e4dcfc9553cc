/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.engine.internal.constraint;

import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/**
 * Everything that the text so far says about what may follow. Immutable but for its memos; equal
 * states of a {@link Parser} are one object.
 */
public final class ParserState {

    /** A terminal that has begun: where, and how far it is. */
    record Pending(EarleySet set, LexerState lexer) {}

    /** No byte, or more than one. */
    static final int NONE = -1;

    private final Parser parser;

    /** Every way in which the text so far can be split, all at a byte's end. */
    final Pending[] threads;

    private final boolean complete;

    /** Whether the text so far is the beginning of no text. */
    private final boolean dead;

    /** Bytes that lead to the same state. */
    final ByteGroups groups;

    /** By group of bytes, where known; threads write equal values, as in {@link LexerState}. */
    private final @Nullable ParserState[] next;

    private volatile long @Nullable [] mask;

    /** The forced byte + 2, or 0 where not known: a state that another thread finds may show 0. */
    private int forced;

    ParserState(Parser parser, Pending[] threads, boolean complete) {
        this.parser = parser;
        this.threads = threads;
        this.complete = complete;
        dead = threads.length == 0 && !complete;
        ByteGroups all = ByteGroups.ONE;
        for (Pending thread : threads) {
            all = all.refine(thread.lexer().groups);
        }
        groups = all;
        next = new @Nullable ParserState[groups.count()];
    }

    /** Returns whether the text so far is complete. */
    public boolean isComplete() {
        return complete;
    }

    /** Returns whether no byte may follow. */
    public boolean isLast() {
        return threads.length == 0;
    }

    /** Returns the state after a byte, or null if it may not follow. */
    @Nullable ParserState after(byte b) {
        return afterGroup(groups.group(b));
    }

    private @Nullable ParserState afterGroup(int group) {
        ParserState known = next[group];
        if (known == null) {
            known = parser.advance(this, groups.first(group));
            next[group] = known;
        }
        return known.dead ? null : known;
    }

    /** Returns the state after bytes, or null if they may not follow. */
    public @Nullable ParserState after(byte[] bytes) {
        ParserState state = this;
        for (int i = 0; i < bytes.length && state != null; i++) {
            state = state.after(bytes[i]);
        }
        return state;
    }

    /** Returns the tokens of a vocabulary that may follow. Not to be changed. */
    public long[] mask(TokenTrie trie) {
        long[] known = mask;
        if (known == null) {
            known = parser.widen(this, trie.characters).exactMask(trie);
            mask = known;
        }
        return known;
    }

    private long[] exactMask(TokenTrie trie) {
        long[] known = mask;
        if (known == null) {
            TokenSlice slice = trie.slice();
            known =
                    slice.mayFollow(this)
                            ? walk(slice.others(), slice.tokens().clone())
                            : walk(trie, new long[(trie.tokens() + 63) >>> 6]);
            parser.maskComputed();
            mask = known;
        }
        return known;
    }

    /** Returns the tokens that may follow, with or without a space that is no part of the text. */
    public long[] maskAfterOptionalSpace(TokenTrie trie) {
        return walk(trie, new long[(trie.tokens() + 63) >>> 6], true);
    }

    /** Adds the tokens of a trie that may follow. */
    long[] walk(TokenTrie trie, long[] allowed) {
        return walk(trie, allowed, false);
    }

    private long[] walk(TokenTrie trie, long[] allowed, boolean optionalSpace) {
        @Nullable ParserState[] path = new @Nullable ParserState[trie.height + 1];
        path[0] = this;
        int nodes = trie.end[0];
        for (int node = 1; node < nodes; ) {
            int depth = trie.depth[node];
            ParserState before = path[depth - 1];
            ParserState state =
                    optionalSpace && depth == 1 && trie.label[node] == ' '
                            ? this
                            : before == null ? null : before.after(trie.label[node]);
            if (state == null) {
                node = trie.end[node];
                continue;
            }
            path[depth] = state;
            for (int token = trie.token[node]; token >= 0; token = trie.same[token]) {
                allowed[token >>> 6] |= 1L << token;
            }
            node++;
        }
        return allowed;
    }

    /** Returns the only byte that may follow, or {@link #NONE} also where the text may end. */
    public int forcedByte() {
        int known = forced;
        if (known == 0) {
            known = (complete ? NONE : computeForcedByte()) + 2;
            forced = known;
        }
        return known - 2;
    }

    private int computeForcedByte() {
        int only = NONE;
        for (int group = 0; group < next.length; group++) {
            if (afterGroup(group) != null) {
                if (only != NONE || !groups.isSingle(group)) {
                    return NONE;
                }
                only = groups.first(group);
            }
        }
        return only;
    }

    /** Forgets what was computed, so that what nobody uses can be collected. */
    void forget() {
        Arrays.fill(next, null);
        mask = null;
    }
}

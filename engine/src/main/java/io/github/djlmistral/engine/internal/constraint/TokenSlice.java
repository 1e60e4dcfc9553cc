/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.engine.internal.constraint;

import java.util.ArrayDeque;
import java.util.Deque;
import java.util.HashSet;
import java.util.Set;

/**
 * The tokens that occur within JSON strings without an escape, most of a vocabulary: where any such
 * text may follow, they need not be looked at one by one. The slices of llguidance are the same.
 */
final class TokenSlice {

    /** How many states are compared, at most, to see whether any text may follow. */
    private static final int COMPARED = 256;

    private final ParserState texts;
    private final long[] tokens;
    private final TokenTrie others;

    private record Pair(ParserState texts, ParserState state) {}

    /** Finds the tokens of a trie. */
    TokenSlice(TokenTrie trie) {
        Productions productions = new Productions();
        int start = productions.rule();
        productions.sequence(start, productions.terminal(JsonStrings.UNESCAPED));
        texts = new Parser(productions).start();
        tokens = texts.walk(trie, new long[(trie.tokens() + 63) >>> 6]);
        byte[][] rest = new byte[trie.tokens()][];
        for (int token = 0; token < rest.length; token++) {
            boolean here = (tokens[token >>> 6] >>> token & 1) != 0;
            rest[token] = here ? new byte[0] : trie.piece(token);
        }
        others = new TokenTrie(rest);
    }

    /** Returns the tokens. */
    long[] tokens() {
        return tokens;
    }

    /** Returns the trie of all other tokens. */
    TokenTrie others() {
        return others;
    }

    /** Returns whether every text of such characters may follow; false also if it takes long. */
    boolean mayFollow(ParserState state) {
        Set<Pair> seen = new HashSet<>();
        Deque<Pair> queue = new ArrayDeque<>();
        queue.add(new Pair(texts, state));
        while (!queue.isEmpty()) {
            Pair pair = queue.remove();
            if (!seen.add(pair)) {
                continue;
            }
            if (seen.size() > COMPARED) {
                return false;
            }
            ByteGroups groups = pair.texts().groups.refine(pair.state().groups);
            for (int i = 0; i < groups.count(); i++) {
                ParserState text = pair.texts().after((byte) groups.first(i));
                if (text != null) {
                    ParserState next = pair.state().after((byte) groups.first(i));
                    if (next == null) {
                        return false;
                    }
                    queue.add(new Pair(text, next));
                }
            }
        }
        return true;
    }
}

/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.engine.internal.constraint;

import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/**
 * The tokens of a vocabulary as a trie of their bytes, in arrays in the order of a depth-first
 * walk: the descendants of node i are i + 1 .. {@code end[i]} - 1.
 */
public final class TokenTrie {

    /** The first byte of what stands for a control token. */
    public static final byte CONTROL = (byte) 0xFF;

    private final byte[][] pieces;

    /** The last byte of each node's text. Node 0 is the root, and has none. */
    final byte[] label;

    /** The length of each node's text. */
    final short[] depth;

    /** The node after the last descendant. */
    final int[] end;

    /** A token of the node's text, or -1. */
    final int[] token;

    /** The next token of the same text (byte fallback), by token, or -1. */
    final int[] same;

    /** The longest text. */
    final int height;

    /** The most characters that begin in a token. */
    final int characters;

    /** Built when first needed. */
    private volatile @Nullable TokenSlice slice;

    /** Builds the trie of the pieces by token id; an empty piece is no text. */
    public TokenTrie(byte[][] pieces) {
        this.pieces = pieces;
        Integer[] order = new Integer[pieces.length];
        Arrays.setAll(order, i -> i);
        Arrays.sort(order, (a, b) -> Arrays.compareUnsigned(pieces[a], pieces[b]));
        same = new int[pieces.length];
        Arrays.fill(same, -1);
        int capacity = 1;
        int longest = 0;
        int most = 0;
        byte[] before = new byte[0];
        for (int id : order) {
            capacity += pieces[id].length - common(before, pieces[id]);
            longest = Math.max(longest, pieces[id].length);
            before = pieces[id];
            int begun = 0;
            for (byte b : before) {
                begun += (b & 0xC0) == 0x80 ? 0 : 1;
            }
            most = Math.max(most, begun);
        }
        characters = most;
        if (longest > Short.MAX_VALUE) {
            throw new IllegalArgumentException("a token of " + longest + " bytes is too long");
        }
        height = longest;
        label = new byte[capacity];
        depth = new short[capacity];
        end = new int[capacity];
        token = new int[capacity];
        Arrays.fill(token, -1);
        build(order);
    }

    private void build(Integer[] order) {
        int[] path = new int[height + 1];
        int open = 0;
        int nodes = 1;
        byte[] before = new byte[0];
        for (int id : order) {
            byte[] piece = pieces[id];
            if (piece.length == 0) {
                continue;
            }
            int shared = common(before, piece);
            for (; open > shared; open--) {
                end[path[open]] = nodes;
            }
            while (open < piece.length) {
                label[nodes] = piece[open];
                depth[nodes] = (short) ++open;
                path[open] = nodes++;
            }
            int node = path[open];
            same[id] = token[node];
            token[node] = id;
            before = piece;
        }
        for (; open >= 0; open--) {
            end[path[open]] = nodes;
        }
    }

    /**
     * Returns bytes that stand for a control token: 0xFF, which is in no text, and the id. They
     * count as one character.
     */
    public static byte[] control(int id) {
        byte[] code = new byte[5];
        code[0] = CONTROL;
        for (int i = 1; i < code.length; i++) {
            code[i] = (byte) (0x80 | ((id >>> (6 * (i - 1))) & 0x3F));
        }
        return code;
    }

    /** Returns whether a token is a control token. */
    public boolean isControl(int id) {
        return id >= 0 && id < pieces.length && pieces[id].length > 1 && pieces[id][0] == CONTROL;
    }

    /** Returns the number of tokens, those without text included. */
    public int tokens() {
        return pieces.length;
    }

    /** Returns the bytes of a token. Not to be changed. */
    public byte[] piece(int id) {
        return pieces[id];
    }

    /**
     * Returns tokens of the text, the longest pieces first; the rest is left out from where no
     * piece fits, or a piece reaches beyond the text.
     */
    public int[] cover(byte[] text) {
        int[] tokens = new int[text.length];
        int count = 0;
        for (int from = 0; from < text.length; ) {
            int longest = -1;
            int length = 0;
            int node = 0;
            for (int i = from; i < text.length && (node = child(node, text[i])) > 0; i++) {
                if (token[node] >= 0) {
                    longest = token[node];
                    length = i + 1 - from;
                }
            }
            if (longest < 0 || (node > 0 && end[node] > node + 1)) {
                break;
            }
            tokens[count++] = longest;
            from += length;
        }
        return Arrays.copyOf(tokens, count);
    }

    /** Returns the tokens that occur within JSON strings. */
    TokenSlice slice() {
        TokenSlice known = slice;
        if (known == null) {
            known = new TokenSlice(this);
            slice = known;
        }
        return known;
    }

    /** Returns the child of a node by its byte, or -1. */
    private int child(int node, byte b) {
        int child = node + 1;
        while (child < end[node] && label[child] != b) {
            child = end[child];
        }
        return child < end[node] ? child : -1;
    }

    private static int common(byte[] a, byte[] b) {
        int mismatch = Arrays.mismatch(a, b);
        return mismatch < 0 ? a.length : mismatch;
    }
}

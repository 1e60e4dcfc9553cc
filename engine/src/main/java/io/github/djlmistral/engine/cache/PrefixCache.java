/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.engine.cache;

import io.github.djlmistral.engine.internal.IdleTimer;
import java.time.Duration;
import java.util.Arrays;
import java.util.HashMap;
import java.util.Map;
import java.util.concurrent.locks.ReentrantLock;
import org.jspecify.annotations.Nullable;

/**
 * KV caches of finished requests, kept for requests that begin with the same tokens: the next turn
 * of a conversation, or another question about the same document. Such a request computes only what
 * follows the common prefix.
 *
 * <p>The caches are indexed by a radix tree over their token ids. Example, with the caches of
 * {@code a b c d} and {@code a b e}:
 *
 * <pre>
 * a b ─┬─ c d   (cache)
 *      └─ e     (cache)
 * </pre>
 *
 * <p>A prompt {@code a b c x} shares three tokens with the first one, which is forked and cropped
 * to them. When the caches exceed the budget, the least recently used leaf is closed. When none was
 * looked up or kept for a while, all are.
 *
 * <p>Thread-safe.
 */
public final class PrefixCache implements AutoCloseable {

    /** A shorter common prefix is computed again: nearly every prompt begins with the same BOS. */
    private static final int SHORTEST = 16;

    private final long budget;
    private final IdleTimer timer;
    private final ReentrantLock lock = new ReentrantLock();
    private final Node root = new Node(null, new long[0], 0);
    private long clock;
    private boolean closed;
    private int entries;
    private long bytes;
    private long lookups;
    private long hits;
    private long reusedTokens;

    /**
     * A snapshot of the counters.
     *
     * @param lookups number of prompts that were looked up
     * @param hits number of prompts that a prefix was found for
     * @param reusedTokens number of tokens that did not have to be computed, summed over the hits
     * @param entries number of caches that are kept
     * @param bytes memory of these caches; what they share is counted for each of them
     * @param budget maximum of {@code bytes}
     */
    public record Metrics(
            long lookups, long hits, long reusedTokens, int entries, long bytes, long budget) {}

    /** A part of the ids that all caches below have in common. Every leaf has a cache. */
    private static final class Node {

        private @Nullable Node parent;
        private long[] label;
        private final int depth;
        private final Map<Long, Node> children = new HashMap<>();
        private @Nullable KvCache cache;
        private long bytes;
        private long used;

        /**
         * Creates a node.
         *
         * @param label the ids between the parent and this node
         * @param depth the number of ids between the root and the end of the label
         */
        Node(@Nullable Node parent, long[] label, int depth) {
            this.parent = parent;
            this.label = label;
            this.depth = depth;
        }
    }

    /** The end of the common prefix of a prompt and the tree. */
    private record Match(Node node, int length) {}

    /**
     * Creates an empty prefix cache that keeps the caches until it is closed.
     *
     * @param budget maximum memory of the caches in bytes, at least 0; 0 keeps none
     * @throws IllegalArgumentException if the budget is negative
     */
    public PrefixCache(long budget) {
        this(budget, Duration.ZERO);
    }

    /**
     * Creates an empty prefix cache.
     *
     * @param budget maximum memory of the caches in bytes, at least 0; 0 keeps none
     * @param idle the caches are closed when for this time none was looked up or kept; zero keeps
     *     them until the prefix cache is closed
     * @throws IllegalArgumentException if one is negative
     */
    public PrefixCache(long budget, Duration idle) {
        if (budget < 0) {
            throw new IllegalArgumentException(
                    "the budget is " + budget + " bytes, must be at least 0");
        }
        if (idle.isNegative()) {
            throw new IllegalArgumentException("idle is " + idle + ", must not be negative");
        }
        this.budget = budget;
        timer = new IdleTimer(idle, this::releaseIdle);
    }

    private void releaseIdle() {
        lock.lock();
        try {
            if (timer.isIdle()) {
                clear();
            }
        } finally {
            lock.unlock();
        }
    }

    /**
     * Returns a cache that holds the longest kept prefix of a prompt, without its last token, whose
     * logits are needed. The caller owns it: it is the kept cache itself if the prompt continues
     * all of its tokens, otherwise a fork cropped to the common ones. A prefix that a rolling cache
     * can no longer be cropped to is not used.
     *
     * @param prompt token ids
     * @return the cache, to be closed or {@linkplain #keep kept}; null if no prefix of at least 16
     *     tokens is kept
     */
    public @Nullable KvCache take(long[] prompt) {
        lock.lock();
        try {
            ++lookups;
            if (entries > 0) {
                timer.use();
            }
            KvCache cache = find(prompt, prompt.length - 1);
            if (cache != null && !cache.isCurrent()) {
                cache.close();
                clear();
                cache = null;
            }
            if (cache != null) {
                ++hits;
                reusedTokens += cache.length();
            }
            return cache;
        } finally {
            lock.unlock();
        }
    }

    private @Nullable KvCache find(long[] prompt, int limit) {
        Match match = match(prompt);
        int length = Math.min(match.length(), limit);
        // below the match all caches have the common tokens, above it some of them
        KvCache cache = length < SHORTEST ? null : share(nearest(match.node()), length);
        for (Node node = match.node().parent; cache == null && node != null; node = node.parent) {
            if (node.cache != null && node.depth >= SHORTEST) {
                cache = share(node, Math.min(node.depth, limit));
            }
        }
        return cache;
    }

    /** Walks down the tree as far as the ids agree, into the last label that agrees in part. */
    private Match match(long[] ids) {
        Node node = root;
        int length = 0;
        while (length < ids.length) {
            Node child = node.children.get(ids[length]);
            if (child == null) {
                break;
            }
            node = child;
            int common = common(child.label, ids, length);
            length += common;
            if (common < child.label.length) {
                break;
            }
        }
        return new Match(node, length);
    }

    private static int common(long[] label, long[] ids, int from) {
        int length = Math.min(label.length, ids.length - from);
        int mismatch = Arrays.mismatch(label, 0, length, ids, from, from + length);
        return mismatch < 0 ? length : mismatch;
    }

    /** Returns the node itself if it has a cache, else one below it that has. */
    private static Node nearest(Node node) {
        Node nearest = node;
        while (nearest.cache == null && !nearest.children.isEmpty()) {
            nearest = nearest.children.values().iterator().next();
        }
        return nearest;
    }

    private @Nullable KvCache share(Node node, int length) {
        KvCache kept = node.cache;
        if (kept == null) {
            return null;
        }
        node.used = ++clock;
        if (length == node.depth && node.children.isEmpty()) {
            remove(node);
            return kept;
        }
        KvCache fork = null;
        try {
            fork = kept.fork();
            fork.crop(length);
            return fork;
        } catch (IllegalStateException e) { // a rolling cache, or closed with its manager
            if (fork != null) {
                fork.close();
            }
            return null;
        }
    }

    /**
     * Keeps a cache, and takes ownership of it. It is closed if one with the same tokens is kept
     * already, if it alone exceeds the budget, if its network was trained since, or if this prefix
     * cache is closed.
     *
     * @param cache the cache of a sequence that ended
     */
    public void keep(KvCache cache) {
        long[] ids = cache.ids();
        long size = cache.bytes();
        lock.lock();
        try {
            if (closed || size > budget || ids.length < SHORTEST || !cache.isCurrent()) {
                cache.close();
                return;
            }
            timer.use();
            Node node = insert(ids);
            node.used = ++clock;
            if (node.cache != null) {
                cache.close();
                return;
            }
            node.cache = cache;
            node.bytes = size;
            bytes += size;
            ++entries;
            while (bytes > budget) {
                evict();
            }
        } finally {
            lock.unlock();
        }
    }

    private Node insert(long[] ids) {
        Match match = match(ids);
        Node node = match.node();
        if (match.length() < node.depth) {
            node = split(node, match.length());
        }
        if (match.length() == ids.length) {
            return node;
        }
        long[] rest = Arrays.copyOfRange(ids, match.length(), ids.length);
        Node leaf = new Node(node, rest, ids.length);
        node.children.put(rest[0], leaf);
        return leaf;
    }

    /** Inserts a node above another one, so that its label ends at the given depth. */
    private static Node split(Node lower, int depth) {
        Node parent = parent(lower);
        int cut = lower.label.length - (lower.depth - depth);
        Node upper = new Node(parent, Arrays.copyOf(lower.label, cut), depth);
        parent.children.put(upper.label[0], upper);
        lower.parent = upper;
        lower.label = Arrays.copyOfRange(lower.label, cut, lower.label.length);
        upper.children.put(lower.label[0], lower);
        return upper;
    }

    private static Node parent(Node node) {
        if (node.parent == null) {
            throw new AssertionError("the root has no label");
        }
        return node.parent;
    }

    private void evict() {
        Node leaf = oldestLeaf(root);
        KvCache cache = leaf.cache;
        remove(leaf);
        if (cache != null) {
            cache.close();
        }
    }

    private static Node oldestLeaf(Node node) {
        Node oldest = node;
        for (Node child : node.children.values()) {
            Node leaf = oldestLeaf(child);
            if (oldest == node || leaf.used < oldest.used) {
                oldest = leaf;
            }
        }
        return oldest;
    }

    /** Removes the cache of a node, and nodes that are of no use without it. */
    private void remove(Node node) {
        node.cache = null;
        bytes -= node.bytes;
        node.bytes = 0;
        --entries;
        Node end = node;
        while (end != root && end.cache == null && end.children.isEmpty()) {
            Node parent = parent(end);
            parent.children.remove(end.label[0]);
            end = parent;
        }
        if (end != root && end.cache == null && end.children.size() == 1) {
            join(end, end.children.values().iterator().next());
        }
    }

    /** Removes a node without a cache that has a single child. */
    private static void join(Node upper, Node lower) {
        Node parent = parent(upper);
        long[] label = Arrays.copyOf(upper.label, upper.label.length + lower.label.length);
        System.arraycopy(lower.label, 0, label, upper.label.length, lower.label.length);
        lower.label = label;
        lower.parent = parent;
        parent.children.put(label[0], lower);
    }

    /** Returns the counters. */
    public Metrics metrics() {
        lock.lock();
        try {
            return new Metrics(lookups, hits, reusedTokens, entries, bytes, budget);
        } finally {
            lock.unlock();
        }
    }

    /** Closes all kept caches. */
    public void clear() {
        lock.lock();
        try {
            while (entries > 0) {
                evict();
            }
        } finally {
            lock.unlock();
        }
    }

    /** Closes all kept caches, and those that are given to {@link #keep} later. */
    @Override
    public void close() {
        lock.lock();
        try {
            closed = true;
            clear();
        } finally {
            lock.unlock();
        }
    }
}

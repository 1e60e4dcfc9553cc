/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.engine.internal.kernels;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.index.NDIndex;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import com.sun.jna.Native;
import io.github.djlmistral.engine.internal.cpu.Address;
import io.github.djlmistral.engine.kernels.KeyValues;
import io.github.djlmistral.engine.weights.Tensor;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;

/**
 * Keys and values of a sequence in pages of 512 positions, see {@code struct cache} in {@code
 * kernels.h}. Forks share pages. The last page grows by doubling, from 32 slots.
 *
 * <p>Example, 700 tokens: a page of 512 slots and one of 256. Fork, and append a token to the fork:
 * it shares the first page, and has a copy of the second one.
 */
final class PagedKeyValues implements KeyValues {

    /** Positions of a page. */
    static final int PAGE = 512;

    private static final int LEAST = 32;

    private final NDManager manager;
    private final DataType type;
    private final int heads;
    private final int size;
    private final int window;
    private final List<Page> pages = new ArrayList<>();

    /** The number of pages that were dropped. */
    private int first;

    private int length;

    /**
     * Creates an empty cache.
     *
     * @param manager the manager for arrays, on the CPU
     * @param type the type of keys and values, or one of the same size; INT8 with scales
     * @param heads the number of key/value heads of all layers
     * @param size the size of a head
     * @param window the number of keys that a token attends to; 0 for all
     */
    PagedKeyValues(NDManager manager, DataType type, int heads, int size, int window) {
        this.manager = manager;
        this.type = type;
        this.heads = heads;
        this.size = size;
        this.window = window;
    }

    @Override
    public int length() {
        return length;
    }

    @Override
    public int dropped() {
        return first * PAGE;
    }

    /** Returns the number of key/value heads of all layers. */
    int heads() {
        return heads;
    }

    /** Returns the number of pages that {@link #table} lists. */
    int pages() {
        return pages.size();
    }

    /** Returns the number of pages that were dropped before the first one of {@link #table}. */
    int first() {
        return first;
    }

    /** Adds address and slots of each page to a list of {@code struct page}. */
    void table(List<Long> to) {
        for (Page page : pages) {
            to.add(Address.of(page.data, elements(page.slots)));
            to.add((long) page.slots);
        }
    }

    private long elements(int slots) {
        return 2L * heads * slots * (type == DataType.INT8 ? size + Float.BYTES : size);
    }

    @Override
    public void reserve(int tokens) {
        int end = Math.addExact(length, tokens);
        for (int i = length / PAGE - first; i * PAGE < end - dropped(); ++i) {
            int needed = Math.min(PAGE, end - dropped() - i * PAGE);
            if (i == pages.size()) {
                pages.add(new Page(slots(needed)));
                continue;
            }
            Page page = pages.get(i);
            if (page.slots < needed || page.users.get() > 1) {
                // nothing behind the tokens of the sequence is copied
                int written = Math.max(0, length - dropped() - i * PAGE);
                pages.set(i, copy(page, slots(needed), written));
                page.release();
            }
        }
    }

    private static int slots(int needed) {
        return CacheSlots.doubled(LEAST, needed);
    }

    /** Copies the first tokens of a page to one with so many slots. */
    private Page copy(Page old, int slots, int tokens) {
        Page page = new Page(slots);
        // 16 tokens of a head follow each other in keys and in values
        int count = (tokens + 15) / 16 * 16;
        if (count > 0) {
            copy(old, page, 0, size, count);
            if (type == DataType.INT8) {
                copy(old, page, size, Float.BYTES, count);
            }
        }
        return page;
    }

    /** Copies `count` slots of `width` elements of each head, behind `before` elements a slot. */
    private void copy(Page old, Page page, int before, int width, int count) {
        try (NDArray from = rows(old, before, width);
                NDArray part = from.get(manager, firsts((long) count * width));
                NDArray to = rows(page, before, width)) {
            to.set(firsts((long) count * width), part);
        }
    }

    private NDArray rows(Page page, int before, int width) {
        long head = 2L * heads * page.slots;
        NDIndex range = new NDIndex().addSliceDim(head * before, head * (before + width));
        try (NDArray flat = page.data.get(manager, range)) {
            return flat.reshape(2L * heads, (long) page.slots * width);
        }
    }

    private static NDIndex firsts(long count) {
        return new NDIndex().addAllDim().addSliceDim(0, count);
    }

    @Override
    public void advance(int tokens) {
        length += tokens;
        int needed = CacheSlots.firstNeeded(length, window);
        while (dropped() + PAGE <= needed) {
            pages.remove(0).release();
            ++first;
        }
    }

    @Override
    public void crop(int tokens) {
        length = tokens;
        int kept = (tokens + PAGE - 1) / PAGE - first;
        while (pages.size() > kept) {
            pages.remove(pages.size() - 1).release();
        }
    }

    @Override
    public PagedKeyValues fork(NDManager other) {
        PagedKeyValues copy = new PagedKeyValues(other, type, heads, size, window);
        for (Page page : pages) {
            page.users.incrementAndGet();
            copy.pages.add(page);
        }
        copy.first = first;
        copy.length = length;
        return copy;
    }

    @Override
    public NDList arrays(NDManager to) {
        NDList arrays = new NDList();
        for (int i = 0; i * PAGE < length - dropped(); ++i) {
            Page page = pages.get(i);
            int slots = slots(Math.min(PAGE, length - dropped() - i * PAGE));
            // a page may have more slots after a crop, or a failed pass
            Page same = slots == page.slots ? page : copy(page, slots, slots);
            NDArray data = same.data;
            arrays.add(data.get(to, new NDIndex().addSliceDim(0, elements(slots))));
            if (same != page) {
                same.release();
            }
        }
        return arrays;
    }

    @Override
    public void restore(int dropped, int tokens, List<Tensor> arrays) {
        int end = tokens - dropped;
        if (end < 0 || dropped % PAGE != 0 || arrays.size() != (end + PAGE - 1) / PAGE) {
            throw new IllegalArgumentException(
                    arrays.size() + " pages for tokens " + dropped + " to " + tokens);
        }
        for (int i = 0; i < arrays.size(); ++i) {
            Tensor array = arrays.get(i);
            int slots = slots(Math.min(PAGE, end - i * PAGE));
            if (array.elements() != elements(slots)) {
                throw new IllegalArgumentException(
                        "page " + i + " is " + array + ", not of " + slots + " slots");
            }
            Page page = new Page(slots);
            pages.add(page);
            // not set(..), after which PyTorch's array would refer to the tensor's memory
            page.data.toByteBuffer(true).put(array.data());
        }
        first = dropped / PAGE;
        length = tokens;
    }

    @Override
    public long bytes() {
        long slots = pages.stream().mapToLong(page -> page.slots).sum();
        return slots * elements(1) * type.getNumOfBytes();
    }

    @Override
    public void close() {
        pages.forEach(Page::release);
        pages.clear();
    }

    /**
     * Keys (heads, slots / 16, size, 16), values (heads, slots, size), and for INT8 the bytes of
     * float32 scales (2, heads, slots).
     */
    private final class Page {

        final int slots;
        final NDArray data;
        final AtomicInteger users = new AtomicInteger(1);

        Page(int slots) {
            this.slots = slots;
            data = TorchKernels.outliving(manager.create(new Shape(elements(slots)), type));
            data.detach();
            // zeros() would start PyTorch's threads, which wait on the cores of the thread team
            ByteBuffer bytes = data.toByteBuffer(true);
            Native.getDirectBufferPointer(bytes).clear(bytes.remaining());
        }

        void release() {
            if (users.decrementAndGet() == 0) {
                data.close();
            }
        }
    }
}

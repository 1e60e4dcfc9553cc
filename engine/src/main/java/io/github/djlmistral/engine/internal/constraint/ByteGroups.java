/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.engine.internal.constraint;

/**
 * The bytes in groups: those of a group are alike to some expressions, which have one derivative by
 * all of them. Immutable.
 */
final class ByteGroups {

    /** All bytes in one group. */
    static final ByteGroups ONE = new ByteGroups(new byte[256], 1);

    /** By byte: the number of its group. The numbers ascend with the first byte of each group. */
    private final byte[] groupOf;

    /** By group: its first byte. */
    private final int[] firsts;

    /** By group: the number of its bytes. */
    private final int[] sizes;

    private ByteGroups(byte[] groupOf, int count) {
        this.groupOf = groupOf;
        firsts = new int[count];
        sizes = new int[count];
        for (int b = 255; b >= 0; b--) {
            firsts[groupOf[b] & 0xFF] = b;
            sizes[groupOf[b] & 0xFF]++;
        }
    }

    /** Returns the bytes of a set, and the others. */
    static ByteGroups of(int[] bytesNode) {
        byte[] groupOf = new byte[256];
        boolean first = ByteRegexes.contains(bytesNode, 0);
        boolean several = false;
        for (int b = 0; b < 256; b++) {
            boolean other = ByteRegexes.contains(bytesNode, b) != first;
            groupOf[b] = (byte) (other ? 1 : 0);
            several |= other;
        }
        return several ? new ByteGroups(groupOf, 2) : ONE;
    }

    /** Returns groups of bytes that are together both here and there. */
    ByteGroups refine(ByteGroups others) {
        if (others.count() == 1 || others == this) {
            return this;
        }
        if (count() == 1) {
            return others;
        }
        int width = others.count();
        int[] numbers = new int[count() * width];
        byte[] both = new byte[256];
        int count = 0;
        for (int b = 0; b < 256; b++) {
            int pair = group((byte) b) * width + others.group((byte) b);
            if (numbers[pair] == 0) {
                numbers[pair] = ++count;
            }
            both[b] = (byte) (numbers[pair] - 1);
        }
        return count == count() ? this : count == width ? others : new ByteGroups(both, count);
    }

    int count() {
        return firsts.length;
    }

    int group(byte b) {
        return groupOf[b & 0xFF] & 0xFF;
    }

    /** Returns a byte of a group. */
    int first(int group) {
        return firsts[group];
    }

    boolean isSingle(int group) {
        return sizes[group] == 1;
    }
}

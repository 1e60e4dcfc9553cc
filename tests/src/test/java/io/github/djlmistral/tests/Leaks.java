/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.tests;

import ai.djl.ndarray.BaseNDManager;
import ai.djl.ndarray.NDManager;
import io.github.djlmistral.engine.internal.OwnedManager;
import java.lang.reflect.Field;
import java.util.Map;

/** What is open, to find leaks. */
public final class Leaks {

    private Leaks() {}

    /**
     * Counts what a manager keeps open: arrays, managers with all that they keep, and networks,
     * generations and caches with theirs.
     */
    public static int resources(NDManager manager) {
        try {
            Field field = BaseNDManager.class.getDeclaredField("resources");
            field.setAccessible(true);
            int count = 0;
            for (Object resource : ((Map<?, ?>) field.get(manager)).values()) {
                count += 1 + (resource instanceof NDManager child ? resources(child) : 0);
                count += owned(resource);
            }
            return count;
        } catch (ReflectiveOperationException e) {
            throw new LinkageError("BaseNDManager.resources", e);
        }
    }

    private static int owned(Object owner) throws ReflectiveOperationException {
        int count = 0;
        for (Field field : owner.getClass().getDeclaredFields()) {
            if (field.getType() == OwnedManager.class) {
                field.setAccessible(true);
                count += resources(((OwnedManager) field.get(owner)).manager());
            }
        }
        return count;
    }
}

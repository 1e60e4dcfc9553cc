/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.tests;

import ai.djl.ndarray.BaseNDManager;
import ai.djl.ndarray.NDManager;
import java.lang.reflect.Field;
import java.util.Map;

/** What is open, to find leaks. */
public final class Leaks {

    private Leaks() {}

    /** Counts what a manager keeps open: arrays, and managers with all that they keep. */
    public static int resources(NDManager manager) {
        try {
            Field field = BaseNDManager.class.getDeclaredField("resources");
            field.setAccessible(true);
            int count = 0;
            for (Object resource : ((Map<?, ?>) field.get(manager)).values()) {
                count += 1 + (resource instanceof NDManager child ? resources(child) : 0);
            }
            return count;
        } catch (ReflectiveOperationException e) {
            throw new LinkageError("BaseNDManager.resources", e);
        }
    }
}

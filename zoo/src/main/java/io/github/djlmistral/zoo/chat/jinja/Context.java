/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.zoo.chat.jinja;

import java.util.HashMap;
import java.util.Map;

/** The variables that a template was given, the global functions, and what the root assigns. */
final class Context {

    private final Map<String, Object> given;
    private final Map<String, Object> assigned = new HashMap<>();

    Context(Map<String, Object> given) {
        this.given = given;
    }

    Object resolve(String name) {
        Object value = assigned.get(name);
        if (value == null) {
            value = given.get(name);
        }
        return value == null ? Globals.find(name) : value;
    }

    void assign(String name, Object value) {
        assigned.put(name, value);
    }

    /** Returns a context that has more variables. */
    Context derive(Map<String, Object> locals) {
        Map<String, Object> all = new HashMap<>(given);
        all.putAll(assigned);
        all.putAll(locals);
        return new Context(all);
    }
}

/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.zoo.chat.jinja;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/**
 * The names of one scope, resolved before the template runs as Jinja2's compiler does: a name that
 * is assigned anywhere in a scope is local to the whole scope, and starts with the outer scope's
 * value if that has the name.
 */
final class Scope {

    /** The variables of one function: a slot for each level and name. */
    static final class Layout {

        /** Scopes and blocks copy tables of names, so that memory grows with their product. */
        private static final int MAX_SLOTS = 5000;

        final @Nullable Layout outer;
        private final Map<String, Integer> slots = new HashMap<>();

        Layout(@Nullable Layout outer) {
            this.outer = outer;
        }

        int slot(int level, String name) {
            int slot = slots.computeIfAbsent(level + " " + name, key -> slots.size());
            if (slot >= MAX_SLOTS) {
                throw new TemplateException(
                        "the template has more than " + MAX_SLOTS + " names", 1);
            }
            return slot;
        }

        int size() {
            return slots.size();
        }
    }

    /** A variable of a function. */
    private record Slot(Layout layout, int index) {}

    /** How a local variable starts: from another variable, from the context, or without value. */
    private record Load(@Nullable Slot alias, @Nullable String context, boolean parameter) {

        static final Load PARAMETER = new Load(null, null, true);
        static final Load MISSING = new Load(null, null, false);
    }

    /** What happens to one variable when its scope is entered. */
    private record Start(int slot, @Nullable Variable alias, @Nullable String context) {}

    private final @Nullable Scope parent;

    /** Of a branch of an {@code if}: the scope that the branch is in. */
    private final @Nullable Scope base;

    private final int level;
    final Layout layout;
    private final Map<String, Slot> names = new HashMap<>();
    private final Map<Slot, Load> loads = new LinkedHashMap<>();
    private final Set<String> stores = new HashSet<>();
    private boolean conditional;

    private Scope(@Nullable Scope parent, @Nullable Scope base, int level, Layout layout) {
        this.parent = parent;
        this.base = base;
        this.level = level;
        this.layout = layout;
    }

    /** The scope of a function without outer names: the root or a block. */
    static Scope root() {
        return new Scope(null, null, 0, new Layout(null));
    }

    /** A scope within this one, in the same function. */
    Scope inner() {
        return new Scope(this, null, level + 1, layout);
    }

    /** A scope within this one, in a function of its own. */
    Scope function() {
        return new Scope(this, null, level + 1, new Layout(layout));
    }

    /** Another scope in the same function and around the same outer scope. */
    Scope sibling() {
        return new Scope(parent, null, level, layout);
    }

    /** Whether this is the scope of the template's top level, whose names blocks see. */
    boolean isRoot() {
        return parent == null;
    }

    /** Whether statements of this scope are in a branch of an {@code if}. */
    boolean isConditional() {
        return conditional;
    }

    /** Binds the branches of an {@code if}. */
    void conditionally(Runnable binding) {
        boolean before = conditional;
        conditional = true;
        binding.run();
        conditional = before;
    }

    private @Nullable Slot local(String name) {
        for (Scope scope = this; scope != null; scope = scope.base) {
            Slot slot = scope.names.get(name);
            if (slot != null) {
                return slot;
            }
        }
        return null;
    }

    private @Nullable Slot find(String name) {
        for (Scope scope = this; scope != null; scope = scope.parent) {
            Slot slot = scope.local(name);
            if (slot != null) {
                return slot;
            }
        }
        return null;
    }

    private boolean isStored(String name) {
        for (Scope scope = this; scope != null; scope = scope.base) {
            if (scope.stores.contains(name)) {
                return true;
            }
        }
        return false;
    }

    /** Whether a name is assigned in this scope or in one around it. */
    boolean isAssigned(String name) {
        for (Scope scope = this; scope != null; scope = scope.parent) {
            if (scope.isStored(name)) {
                return true;
            }
        }
        return false;
    }

    private Slot define(String name, Load load) {
        Slot slot = new Slot(layout, layout.slot(level, name));
        names.put(name, slot);
        loads.put(slot, load);
        return slot;
    }

    void load(String name) {
        if (find(name) == null) {
            define(name, new Load(null, name, false));
        }
    }

    void store(String name) {
        stores.add(name);
        if (local(name) == null) {
            Slot outer = parent == null ? null : parent.find(name);
            define(name, outer == null ? Load.MISSING : new Load(outer, null, false));
        }
    }

    Variable parameter(String name) {
        stores.add(name);
        return variable(define(name, Load.PARAMETER));
    }

    /** Returns a scope that collects the names of one branch of an {@code if} in this scope. */
    Scope branch() {
        return new Scope(parent, this, level, layout);
    }

    /** Adds the names of the branches; those assigned in any of them may start from outside. */
    void merge(List<Scope> branches) {
        Set<String> assigned = new HashSet<>();
        for (Scope branch : branches) {
            assigned.addAll(branch.stores);
        }
        assigned.removeIf(this::isStored);
        for (Scope branch : branches) {
            names.putAll(branch.names);
            loads.putAll(branch.loads);
            stores.addAll(branch.stores);
        }
        for (String name : assigned) {
            Slot slot = local(name);
            if (slot != null) {
                Slot outer = parent == null ? null : parent.find(name);
                loads.put(slot, new Load(outer, outer == null ? name : null, false));
            }
        }
    }

    /** Returns a name's variable as this scope's function sees it. */
    Variable variable(String name) {
        Slot slot = find(name);
        if (slot == null) {
            load(name);
            slot = find(name);
        }
        if (slot == null) {
            throw new IllegalStateException(name);
        }
        return variable(slot);
    }

    private Variable variable(Slot slot) {
        int hops = 0;
        Layout at = layout;
        while (at != slot.layout()) {
            hops++;
            if (at.outer == null) {
                throw new IllegalStateException("a variable of another function");
            }
            at = at.outer;
        }
        return new Variable(hops, slot.index());
    }

    /** Returns the variables that are assigned in this scope and those around it. */
    Map<String, Variable> assigned() {
        Map<String, Variable> all = new TreeMap<>();
        for (Scope scope = this; scope != null; scope = scope.parent) {
            for (String name : scope.stores) {
                all.putIfAbsent(name, variable(name));
            }
        }
        return all;
    }

    /** How the local variables start and end, to be asked when the scope is complete. */
    Locals locals() {
        List<Start> starts = new ArrayList<>();
        loads.forEach(
                (slot, load) -> {
                    if (!load.parameter()) {
                        Slot alias = load.alias();
                        starts.add(
                                new Start(
                                        slot.index(),
                                        alias == null ? null : variable(alias),
                                        load.context()));
                    }
                });
        return new Locals(
                starts.toArray(Start[]::new),
                loads.keySet().stream().mapToInt(Slot::index).toArray());
    }

    /** The local variables of a scope. */
    static final class Locals {

        private final Start[] starts;
        private final int[] all;

        private Locals(Start[] starts, int[] all) {
            this.starts = starts;
            this.all = all;
        }

        void enter(Frame frame) {
            frame.render.budget.work(starts.length);
            for (Start start : starts) {
                frame.slots[start.slot()] =
                        start.alias() != null
                                ? start.alias().get(frame)
                                : start.context() != null
                                        ? frame.context.resolve(start.context())
                                        : Undefined.MISSING;
            }
        }

        void leave(Frame frame) {
            for (int slot : all) {
                frame.slots[slot] = Undefined.MISSING;
            }
        }
    }
}

/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.zoo.chat.jinja;

import java.util.List;
import java.util.Map;

/** The state of one rendering. Confined to one thread. */
final class Render {

    final Budget budget;

    /** The line that is evaluated, for error messages. */
    int line = 1;

    /** The bodies of {@code block} tags by name. */
    final Map<String, BlockStmt> blocks;

    Render(Budget budget, Map<String, BlockStmt> blocks) {
        this.budget = budget;
        this.blocks = blocks;
    }

    Object call(Object callee, Args args) {
        if (callee instanceof Callable callable) {
            budget.enter();
            Object value = callable.call(this, args);
            budget.leave();
            return value;
        }
        if (callee instanceof Undefined undefined) {
            throw undefined.error();
        }
        throw PyError.type("'" + Types.name(callee) + "' object is not callable");
    }

    /** Runs statements until one of them ends the loop's iteration. */
    Stmt.Signal run(List<Stmt> body, Frame frame, StrBuilder out) {
        budget.enter();
        for (Stmt statement : body) {
            Stmt.Signal signal = statement.exec(frame, out);
            if (signal != Stmt.Signal.NEXT) {
                budget.leave();
                return signal;
            }
        }
        budget.leave();
        return Stmt.Signal.NEXT;
    }
}

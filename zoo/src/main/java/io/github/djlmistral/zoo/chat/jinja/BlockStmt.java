/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.zoo.chat.jinja;

import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/** {@code block}: a function that sees the context only. */
final class BlockStmt extends Stmt {

    final String name;
    private final boolean scoped;
    private final boolean required;
    final List<Stmt> body;
    private Map<String, Variable> visible = Map.of();
    private final Scope scope = Scope.root();
    private final Scope.Locals locals;
    private final @Nullable Variable self;

    BlockStmt(String name, boolean scoped, boolean required, List<Stmt> body, int line) {
        super(line);
        this.name = name;
        this.scoped = scoped;
        this.required = required;
        this.body = body;
        self = Names.undeclared(body, "self") ? scope.parameter("self") : null;
        body.forEach(s -> s.declare(scope));
        body.forEach(s -> s.bind(scope));
        locals = scope.locals();
    }

    @Override
    void declare(Scope outer) {}

    @Override
    void bind(Scope outer) {
        if (scoped) {
            visible = outer.assigned();
        }
    }

    @Override
    Signal exec(Frame frame, StrBuilder out) {
        frame.render.line = line;
        if (required) {
            throw PyError.other("Required block " + Repr.quote(name) + " not found");
        }
        Context context = frame.context;
        if (scoped) {
            Map<String, Object> values = new HashMap<>();
            visible.forEach(
                    (key, variable) -> {
                        Object value = variable.get(frame);
                        if (!Undefined.isMissing(value)) {
                            values.put(key, value);
                        }
                    });
            context = context.derive(values);
        }
        call(frame.render, context, out);
        return Signal.NEXT;
    }

    void call(Render render, Context context, StrBuilder out) {
        Frame frame = new Frame(render, context, null, scope.layout.size());
        if (self != null) {
            self.set(frame, new SelfReference(context));
        }
        locals.enter(frame);
        render.run(body, frame, out);
    }

    @Override
    void children(Consumer<Node> visitor) {}

    /**
     * The variable {@code self}, whose items are the blocks.
     *
     * @param context of the template
     */
    record SelfReference(Context context) {

        Callable block(BlockStmt block) {
            return (render, args) -> {
                StrBuilder out = new StrBuilder(render.budget);
                block.call(render, context, out);
                return out.toStr();
            };
        }
    }
}

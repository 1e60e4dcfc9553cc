/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.zoo.chat.jinja;

import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * A Jinja template, parsed and checked. Immutable and thread-safe.
 *
 * <p>The language is that of Jinja2 3.1 in the environment of Hugging Face transformers: sandboxed
 * and immutable values, {@code trim_blocks}, {@code lstrip_blocks}, loop controls, {@code
 * generation} blocks, {@code raise_exception}, {@code strftime_now} and transformers' {@code
 * tojson}. Not supported are tags that read other templates, {@code autoescape}, {@code lipsum},
 * the filters {@code pprint}, {@code striptags}, {@code urlize} and {@code wordwrap}, and
 * asynchronous evaluation.
 *
 * <p>A rendering is limited in steps, memory and depth; a template that exceeds a limit fails.
 */
public final class Template {

    private static final int MAX_SOURCE = 1 << 20;

    private final List<Stmt> body;
    private final Map<String, Stmt.Block> blocks;
    private final Scope.Layout layout;
    private final Scope.Locals locals;
    private final @Nullable Variable self;

    private Template(List<Stmt> body, Map<String, Stmt.Block> blocks) {
        this.body = body;
        this.blocks = blocks;
        Scope root = Scope.root();
        self = Names.undeclared(body, "self") ? root.parameter("self") : null;
        body.forEach(s -> s.declare(root));
        body.forEach(s -> s.bind(root));
        layout = root.layout;
        locals = root.locals();
    }

    /**
     * Parses a template.
     *
     * @param source its text
     * @return the template
     * @throws TemplateException if it has a syntax error or uses a tag, filter or test that does
     *     not exist; the message names the line
     */
    public static Template parse(String source) {
        if (source.length() > MAX_SOURCE) {
            throw new TemplateException(
                    "the template has " + source.length() + " characters, more than " + MAX_SOURCE,
                    1);
        }
        try {
            Parser parser = new Parser(Lexer.tokenize(source));
            return new Template(parser.parse(), parser.blocks());
        } catch (StackOverflowError e) {
            throw new TemplateException("the template is nested too deeply", 1);
        }
    }

    /**
     * Renders the template.
     *
     * @param variables the variables: null, strings, numbers, booleans, maps and lists of these
     * @return the text
     * @throws TemplateException if the template fails, calls {@code raise_exception}, or exceeds a
     *     limit
     * @throws java.util.concurrent.CancellationException if the thread is interrupted, whose flag
     *     remains set
     */
    public String render(Map<String, ?> variables) {
        return render(variables, Map.of()).text();
    }

    /**
     * Renders the template, and keeps track of where each character comes from.
     *
     * @param variables as in {@link #render(Map)}; they are input
     * @param templateVariables further variables that count as the template's own text, such as
     *     special tokens
     * @return the text
     * @throws TemplateException as in {@link #render(Map)}
     */
    public RenderedText render(Map<String, ?> variables, Map<String, String> templateVariables) {
        Map<String, Object> given = new HashMap<>();
        templateVariables.forEach((name, text) -> given.put(name, Str.of(text)));
        InputValues input = new InputValues();
        variables.forEach((name, value) -> given.put(name, input.convert(value)));
        Render render = new Render(new Budget(input.size()), blocks);
        try {
            Frame frame = new Frame(render, new Context(given), null, layout.size());
            if (self != null) {
                self.set(frame, new Stmt.SelfReference(frame.context));
            }
            locals.enter(frame);
            StrBuilder out = new StrBuilder(render.budget);
            render.run(body, frame, out);
            return new RenderedText(out.toStr());
        } catch (PyError e) {
            throw e.is(PyError.Kind.RAISED)
                    ? new TemplateException(e.text(), render.line)
                    : TemplateException.at(render.line, e.text());
        } catch (StackOverflowError e) {
            throw TemplateException.at(render.line, "evaluation is nested too deeply");
        }
    }
}
